DROP INDEX `stream_stats_stream`;--> statement-breakpoint
ALTER TABLE `stream_stats` ADD `seq` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `stream_stats` ADD `live_pos` integer;--> statement-breakpoint
ALTER TABLE `stream_stats` ADD `live_first` integer;--> statement-breakpoint
ALTER TABLE `stream_stats` ADD `live_last` integer;--> statement-breakpoint
ALTER TABLE `stream_stats` ADD `buffer_pieces` integer;--> statement-breakpoint
CREATE INDEX `stream_stats_seq` ON `stream_stats` (`stream_row_id`,`seq`);--> statement-breakpoint
ALTER TABLE `engines` ADD `failed_attempt_at` integer;--> statement-breakpoint
ALTER TABLE `engines` ADD `cache_cleaned_at` integer;--> statement-breakpoint
ALTER TABLE `engines` ADD `cache_size_bytes` integer;--> statement-breakpoint
CREATE INDEX `journal_stream` ON `journal` (`stream_id`,`id`);--> statement-breakpoint
CREATE INDEX `journal_kind` ON `journal` (`kind`,`id`);