SET LOCK_TIMEOUT 5000;
BEGIN TRANSACTION;
UPDATE [monday__boardlift].[generations] SET [state] = N'kept' WHERE [group_key] = N'1' AND [generation] = 2;
UPDATE [monday__boardlift].[generations] SET [state] = N'live', [run_id] = N'back', [promoted_at] = CAST(N'2026-03-01 08:30:00.000000 +00:00' AS DATETIMEOFFSET(6)) WHERE [group_key] = N'1' AND [generation] = 1;
GO
SET LOCK_TIMEOUT 50;
SELECT TOP (1) 1 AS held FROM [monday].[planning] WITH (TABLOCKX, HOLDLOCK);
GO
SET LOCK_TIMEOUT 50;
GO
DELETE FROM [monday].[planning] WITH (TABLOCKX);
GO
INSERT INTO [monday].[planning] ([item_id], [name], [status]) SELECT [item_id], [name], [status] FROM [monday__boardlift].[planning__g1];
SELECT ROWCOUNT_BIG() AS rows_added;
GO
EXEC sys.sp_addextendedproperty @name = N'MS_Description', @value = N'Item id', @level0type = N'SCHEMA', @level0name = N'monday', @level1type = N'TABLE', @level1name = N'planning', @level2type = N'COLUMN', @level2name = N'item_id';
EXEC sys.sp_addextendedproperty @name = N'MS_Description', @value = N'Name', @level0type = N'SCHEMA', @level0name = N'monday', @level1type = N'TABLE', @level1name = N'planning', @level2type = N'COLUMN', @level2name = N'name';
EXEC sys.sp_addextendedproperty @name = N'MS_Description', @value = N'Planning', @level0type = N'SCHEMA', @level0name = N'monday', @level1type = N'TABLE', @level1name = N'planning';
GO
COMMIT TRANSACTION;
GO
SET LOCK_TIMEOUT 30000;
