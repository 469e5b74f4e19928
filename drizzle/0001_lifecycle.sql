ALTER TABLE `engines` ADD `replaces` text;--> statement-breakpoint
ALTER TABLE `engines` ADD `drain_cause` text;--> statement-breakpoint
ALTER TABLE `engines` ADD `draining_since` integer;--> statement-breakpoint
ALTER TABLE `engines` ADD `stopped_at` integer;--> statement-breakpoint
ALTER TABLE `engines` ADD `stop_cause` text;--> statement-breakpoint
ALTER TABLE `engines` ADD `restart_count` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `engines` ADD `restarts_at` text DEFAULT '[]' NOT NULL;--> statement-breakpoint
CREATE INDEX `engines_replaces` ON `engines` (`replaces`);