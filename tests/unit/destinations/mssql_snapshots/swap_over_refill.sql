SET LOCK_TIMEOUT 5000;
BEGIN TRANSACTION;
UPDATE [monday__boardlift].[generations] SET [state] = N'kept' WHERE [group_key] = N'1' AND [generation] = 1;
INSERT INTO [monday__boardlift].[generations] ([group_key], [generation], [ordinal], [table_name], [hidden_name], [state], [run_id], [rows], [fingerprint], [promoted_at]) VALUES (N'1', 2, 0, N'planning', N'planning__g2', N'live', N'run-2', 3, N'29c2bd8a66593141', CAST(N'2026-03-01 08:30:00.000000 +00:00' AS DATETIMEOFFSET(6)));
GO
SET LOCK_TIMEOUT 50;
ALTER TABLE [monday].[planning] SET (LOCK_ESCALATION = TABLE);
GO
SET LOCK_TIMEOUT 50;
GO
ALTER SCHEMA [monday] TRANSFER [monday__boardlift].[planning__g2];
DROP TABLE [monday].[planning];
EXEC sys.sp_rename @objname = N'[monday].[planning__g2]', @newname = N'planning', @objtype = N'OBJECT';
GO
COMMIT TRANSACTION;
GO
SET LOCK_TIMEOUT 30000;
