BEGIN TRANSACTION;
GO
ALTER TABLE [monday__boardlift].[planning__g1] ALTER COLUMN [item_id] BIGINT NOT NULL;
GO
ALTER TABLE [monday__boardlift].[planning__g1] ADD CONSTRAINT [planning__g1_pk] PRIMARY KEY CLUSTERED ([item_id]);
EXEC sys.sp_addextendedproperty @name = N'MS_Description', @value = N'Planning', @level0type = N'SCHEMA', @level0name = N'monday__boardlift', @level1type = N'TABLE', @level1name = N'planning__g1';
EXEC sys.sp_addextendedproperty @name = N'MS_Description', @value = N'Item id', @level0type = N'SCHEMA', @level0name = N'monday__boardlift', @level1type = N'TABLE', @level1name = N'planning__g1', @level2type = N'COLUMN', @level2name = N'item_id';
EXEC sys.sp_addextendedproperty @name = N'MS_Description', @value = N'Name', @level0type = N'SCHEMA', @level0name = N'monday__boardlift', @level1type = N'TABLE', @level1name = N'planning__g1', @level2type = N'COLUMN', @level2name = N'name';
EXEC sys.sp_addextendedproperty @name = N'boardlift_columns', @value = N'3', @level0type = N'SCHEMA', @level0name = N'monday__boardlift', @level1type = N'TABLE', @level1name = N'planning__g1';
GO
COMMIT TRANSACTION;
GO
SET LOCK_TIMEOUT 5000;
BEGIN TRANSACTION;
INSERT INTO [monday__boardlift].[generations] ([group_key], [generation], [ordinal], [table_name], [hidden_name], [state], [run_id], [rows], [fingerprint], [promoted_at]) VALUES (N'1', 1, 0, N'planning', N'planning__g1', N'live', N'run-1', 3, N'29c2bd8a66593141', CAST(N'2026-03-01 08:30:00.000000 +00:00' AS DATETIMEOFFSET(6))), (N'1', 1, 1, N'planning_tags', N'planning_tags__g1', N'live', N'run-1', 3, N'41f50543d7219a06', CAST(N'2026-03-01 08:30:00.000000 +00:00' AS DATETIMEOFFSET(6)));
GO
SET LOCK_TIMEOUT 50;
GO
ALTER SCHEMA [monday] TRANSFER [monday__boardlift].[planning__g1];
ALTER SCHEMA [monday] TRANSFER [monday__boardlift].[planning_tags__g1];
EXEC sys.sp_rename @objname = N'[monday].[planning__g1]', @newname = N'planning', @objtype = N'OBJECT';
EXEC sys.sp_rename @objname = N'[monday].[planning_tags__g1]', @newname = N'planning_tags', @objtype = N'OBJECT';
GO
COMMIT TRANSACTION;
GO
SET LOCK_TIMEOUT 30000;
