SELECT COUNT_BIG(*) AS orphans FROM [shop].[orders] AS c WHERE c.[item] IS NOT NULL AND NOT EXISTS (SELECT 1 FROM [monday__boardlift].[planning__g2] AS p WHERE p.[item_id] = c.[item]);
GO
BEGIN TRANSACTION;
GO
ALTER TABLE [monday__boardlift].[planning__g2] ALTER COLUMN [name] ADD MASKED WITH (FUNCTION = 'partial(1, "x", 0)');
CREATE NONCLUSTERED INDEX [by_item] ON [monday__boardlift].[planning__g2] ([item_id]);
ALTER TABLE [monday__boardlift].[planning__g2] ADD CONSTRAINT [boardlift_3141171bb8c0eded10009b66] UNIQUE NONCLUSTERED ([item_id]);
ALTER TABLE [monday__boardlift].[planning__g2] WITH CHECK ADD CONSTRAINT [boardlift_78f93052b56f0136076e7dbe] CHECK ([name]<>N'');
CREATE STATISTICS [together] ON [monday__boardlift].[planning__g2] ([name], [status]);
GO
COMMIT TRANSACTION;
GO
SET LOCK_TIMEOUT 5000;
BEGIN TRANSACTION;
UPDATE [monday__boardlift].[generations] SET [state] = N'kept' WHERE [group_key] = N'1' AND [generation] = 1;
INSERT INTO [monday__boardlift].[generations] ([group_key], [generation], [ordinal], [table_name], [hidden_name], [state], [run_id], [rows], [fingerprint], [promoted_at]) VALUES (N'1', 2, 0, N'planning', N'planning__g2', N'live', N'run-2', 3, N'e53b9b19f10f0828', CAST(N'2026-03-01 08:30:00.000000 +00:00' AS DATETIMEOFFSET(6)));
GO
SET LOCK_TIMEOUT 50;
ALTER TABLE [monday].[planning] SET (LOCK_ESCALATION = AUTO);
GO
SET LOCK_TIMEOUT 50;
ALTER TABLE [shop].[orders] SET (LOCK_ESCALATION = TABLE);
GO
SET LOCK_TIMEOUT 50;
GO
ALTER SCHEMA [monday] TRANSFER [monday__boardlift].[planning__g2];
ALTER AUTHORIZATION ON OBJECT::[monday].[planning__g2] TO [etl];
ALTER TABLE [monday].[planning__g2] SET (LOCK_ESCALATION = AUTO);
GRANT SELECT ON OBJECT::[monday].[planning__g2] TO [analyst];
DENY UPDATE ON OBJECT::[monday].[planning__g2] TO [public];
GRANT SELECT ON OBJECT::[monday].[planning__g2] ([name]) TO [lead] WITH GRANT OPTION;
EXEC sys.sp_addextendedproperty @name = N'MS_Description', @value = N'Status', @level0type = N'SCHEMA', @level0name = N'monday', @level1type = N'TABLE', @level1name = N'planning__g2', @level2type = N'COLUMN', @level2name = N'status';
EXEC sys.sp_addextendedproperty @name = N'owner_team', @value = N'it''s planning''s', @level0type = N'SCHEMA', @level0name = N'monday', @level1type = N'TABLE', @level1name = N'planning__g2';
ALTER SECURITY POLICY [rls].[own_rows] DROP FILTER PREDICATE ON [monday].[planning];
ALTER TABLE [shop].[orders] DROP CONSTRAINT [fk_orders];
DROP TRIGGER [monday].[tell];
ALTER TABLE [monday].[planning] DROP CONSTRAINT [named];
ALTER TABLE [monday].[planning] DROP CONSTRAINT [no_status];
ALTER TABLE [monday].[planning] DROP CONSTRAINT [once];
EXEC sys.sp_rename @objname = N'[monday].[planning]', @newname = N'planning__g1', @objtype = N'OBJECT';
ALTER SCHEMA [monday__boardlift] TRANSFER [monday].[planning__g1];
EXEC sys.sp_rename @objname = N'[monday].[planning__g2]', @newname = N'planning', @objtype = N'OBJECT';
EXEC sys.sp_rename @objname = N'[monday].[boardlift_78f93052b56f0136076e7dbe]', @newname = N'named', @objtype = N'OBJECT';
EXEC sys.sp_rename @objname = N'[monday].[boardlift_3141171bb8c0eded10009b66]', @newname = N'once', @objtype = N'OBJECT';
ALTER TABLE [monday].[planning] ADD CONSTRAINT [no_status] DEFAULT (N'none') FOR [status];
ALTER TABLE [shop].[orders] WITH CHECK ADD CONSTRAINT [fk_orders] FOREIGN KEY ([item]) REFERENCES [monday].[planning] ([item_id]) ON DELETE NO ACTION ON UPDATE CASCADE;
ALTER SECURITY POLICY [rls].[own_rows] ADD FILTER PREDICATE [rls].[may_see]([name]) ON [monday].[planning];
GO
CREATE TRIGGER monday.tell ON monday.planning AFTER INSERT AS SELECT 1;
GO
EXEC sys.sp_settriggerorder @triggername = N'[monday].[tell]', @order = N'First', @stmttype = N'INSERT'
GO
EXEC sys.sp_addextendedproperty @name = N'why', @value = N'audit', @level0type = N'SCHEMA', @level0name = N'monday', @level1type = N'TABLE', @level1name = N'planning', @level2type = N'TRIGGER', @level2name = N'tell';
EXEC sys.sp_refreshview N'[reporting].[idle]';
EXEC sys.sp_refreshview N'[reporting].[idle_today]';
GO
COMMIT TRANSACTION;
GO
SET LOCK_TIMEOUT 30000;
