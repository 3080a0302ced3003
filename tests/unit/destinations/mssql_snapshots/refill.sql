DROP TABLE IF EXISTS [monday__boardlift].[boardlift_kept_964522f435dbe26376f463f4];
CREATE TABLE [monday__boardlift].[boardlift_kept_964522f435dbe26376f463f4] ([item_id] BIGINT NOT NULL, [name] NVARCHAR(MAX) COLLATE SQL_Latin1_General_CP1_CI_AS NULL, [status] NVARCHAR(MAX) COLLATE SQL_Latin1_General_CP1_CI_AS NULL);
GO
INSERT INTO [monday__boardlift].[boardlift_kept_964522f435dbe26376f463f4] WITH (TABLOCK) ([item_id], [name], [status]) SELECT [item_id], [name], [status] FROM [monday].[planning];
SELECT ROWCOUNT_BIG() AS rows_added;
GO
ALTER TABLE [monday__boardlift].[boardlift_kept_964522f435dbe26376f463f4] ADD CONSTRAINT [boardlift_kept_964522f435dbe26376f463f4_pk] PRIMARY KEY CLUSTERED ([item_id]);
GO
SET LOCK_TIMEOUT 5000;
BEGIN TRANSACTION;
UPDATE [monday__boardlift].[generations] SET [state] = N'kept' WHERE [group_key] = N'1' AND [generation] = 1;
INSERT INTO [monday__boardlift].[generations] ([group_key], [generation], [ordinal], [table_name], [hidden_name], [state], [run_id], [rows], [fingerprint], [promoted_at]) VALUES (N'1', 2, 0, N'planning', N'planning__g2', N'live', N'run-2', 3, N'29c2bd8a66593141', CAST(N'2026-03-01 08:30:00.000000 +00:00' AS DATETIMEOFFSET(6)));
GO
SET LOCK_TIMEOUT 50;
SELECT TOP (1) 1 AS held FROM [monday].[planning] WITH (TABLOCKX, HOLDLOCK);
GO
SET LOCK_TIMEOUT 50;
GO
DELETE FROM [monday].[planning] WITH (TABLOCKX);
GO
INSERT INTO [monday].[planning] ([item_id], [name], [status]) SELECT [item_id], [name], [status] FROM [monday__boardlift].[planning__g2];
SELECT ROWCOUNT_BIG() AS rows_added;
GO
EXEC sys.sp_addextendedproperty @name = N'MS_Description', @value = N'Item id', @level0type = N'SCHEMA', @level0name = N'monday', @level1type = N'TABLE', @level1name = N'planning', @level2type = N'COLUMN', @level2name = N'item_id';
EXEC sys.sp_addextendedproperty @name = N'MS_Description', @value = N'Name', @level0type = N'SCHEMA', @level0name = N'monday', @level1type = N'TABLE', @level1name = N'planning', @level2type = N'COLUMN', @level2name = N'name';
EXEC sys.sp_addextendedproperty @name = N'MS_Description', @value = N'Planning', @level0type = N'SCHEMA', @level0name = N'monday', @level1type = N'TABLE', @level1name = N'planning';
GO
EXEC sys.sp_rename @objname = N'[monday__boardlift].[boardlift_kept_964522f435dbe26376f463f4]', @newname = N'planning__g1', @objtype = N'OBJECT';
GO
COMMIT TRANSACTION;
GO
SET LOCK_TIMEOUT 30000;
