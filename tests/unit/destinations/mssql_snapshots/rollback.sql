SET LOCK_TIMEOUT 5000;
BEGIN TRANSACTION;
UPDATE [monday__boardlift].[generations] SET [state] = N'kept' WHERE [group_key] = N'1' AND [generation] = 2;
UPDATE [monday__boardlift].[generations] SET [state] = N'live', [run_id] = N'back', [promoted_at] = CAST(N'2026-03-01 08:30:00.000000 +00:00' AS DATETIMEOFFSET(6)) WHERE [group_key] = N'1' AND [generation] = 1;
GO
SET LOCK_TIMEOUT 50;
ALTER TABLE [monday].[planning] SET (LOCK_ESCALATION = TABLE);
GO
SET LOCK_TIMEOUT 50;
GO
ALTER SCHEMA [monday] TRANSFER [monday__boardlift].[planning__g1];
GRANT SELECT ON OBJECT::[monday].[planning__g1] TO [analyst] AS [etl];
EXEC sys.sp_rename @objname = N'[monday].[planning]', @newname = N'planning__g2', @objtype = N'OBJECT';
ALTER SCHEMA [monday__boardlift] TRANSFER [monday].[planning__g2];
EXEC sys.sp_rename @objname = N'[monday].[planning__g1]', @newname = N'planning', @objtype = N'OBJECT';
GO
COMMIT TRANSACTION;
GO
SET LOCK_TIMEOUT 30000;
