SET LOCK_TIMEOUT 5000;
BEGIN TRANSACTION;
UPDATE [monday__boardlift].[generations] SET [state] = N'kept' WHERE [group_key] = N'1' AND [generation] = 1;
INSERT INTO [monday__boardlift].[generations] ([group_key], [generation], [ordinal], [table_name], [hidden_name], [state], [run_id], [rows], [fingerprint], [promoted_at]) VALUES (N'1', 2, 0, N'planning', N'planning__g2', N'live', N'run-2', 3, N'a548f36328409c38', CAST(N'2026-03-01 08:30:00.000000 +00:00' AS DATETIMEOFFSET(6)));
GO
SET LOCK_TIMEOUT 50;
ALTER TABLE [monday].[planning] SET (LOCK_ESCALATION = TABLE);
GO
SET LOCK_TIMEOUT 50;
GO
DELETE FROM [monday].[planning] WITH (TABLOCKX);
GO
ALTER TABLE [monday].[planning] DROP CONSTRAINT [no_status];
ALTER TABLE [monday].[planning] ADD [stock] BIGINT NULL;
ALTER TABLE [monday].[planning] DROP COLUMN [status];
ALTER TABLE [monday].[planning] REBUILD;
GO
INSERT INTO [monday].[planning] ([item_id], [name], [stock]) SELECT [item_id], [name], [stock] FROM [monday__boardlift].[planning__g2];
SELECT ROWCOUNT_BIG() AS rows_added;
GO
CREATE NONCLUSTERED INDEX [boardlift_ix_08c4242b5f585628bb8cef8e] ON [monday].[planning] ([stock]);
EXEC sys.sp_addextendedproperty @name = N'MS_Description', @value = N'Item id', @level0type = N'SCHEMA', @level0name = N'monday', @level1type = N'TABLE', @level1name = N'planning', @level2type = N'COLUMN', @level2name = N'item_id';
EXEC sys.sp_updateextendedproperty @name = N'MS_Description', @value = N'Name', @level0type = N'SCHEMA', @level0name = N'monday', @level1type = N'TABLE', @level1name = N'planning', @level2type = N'COLUMN', @level2name = N'name';
GO
COMMIT TRANSACTION;
GO
SET LOCK_TIMEOUT 30000;
