CREATE TABLE `breakers` (
	`name` text PRIMARY KEY NOT NULL,
	`state` text NOT NULL,
	`failures` integer NOT NULL,
	`opened_at` integer,
	`last_failure_at` integer,
	`last_success_at` integer,
	`trial_engine_id` text
);
--> statement-breakpoint
CREATE TABLE `engines` (
	`id` text PRIMARY KEY NOT NULL,
	`status` text NOT NULL,
	`reason` text,
	`name` text NOT NULL,
	`container_id` text,
	`image` text NOT NULL,
	`request` text NOT NULL,
	`request_hash` text NOT NULL,
	`config_hash` text NOT NULL,
	`scope` text NOT NULL,
	`vpn_node` text,
	`forwarded` integer NOT NULL,
	`http_port` integer NOT NULL,
	`https_port` integer NOT NULL,
	`api_port` integer,
	`p2p_port` integer,
	`host_http_port` integer NOT NULL,
	`host_https_port` integer,
	`labels` text NOT NULL,
	`container_state` text,
	`address` text,
	`networks` text NOT NULL,
	`created_at` integer NOT NULL,
	`container_started_at` integer,
	`ready_at` integer,
	`handed_out_at` integer,
	`unclaimed_since` integer,
	`claim_key` text,
	`adopted_at` integer,
	`removal_requested_at` integer,
	`last_stream_at` integer,
	`ended_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `engines_container` ON `engines` (`container_id`);--> statement-breakpoint
CREATE INDEX `engines_status` ON `engines` (`status`,`ended_at`);--> statement-breakpoint
CREATE TABLE `idempotency_keys` (
	`key` text PRIMARY KEY NOT NULL,
	`request_hash` text NOT NULL,
	`engine_id` text NOT NULL,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`engine_id`) REFERENCES `engines`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `idempotency_keys_created` ON `idempotency_keys` (`created_at`);--> statement-breakpoint
CREATE TABLE `journal` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`at` integer NOT NULL,
	`kind` text NOT NULL,
	`engine_id` text,
	`stream_id` text,
	`detail` text NOT NULL
);
--> statement-breakpoint
CREATE INDEX `journal_engine` ON `journal` (`engine_id`,`id`);--> statement-breakpoint
CREATE INDEX `journal_at` ON `journal` (`at`);--> statement-breakpoint
CREATE TABLE `port_leases` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`scope` text NOT NULL,
	`port` integer NOT NULL,
	`kind` text NOT NULL,
	`engine_id` text NOT NULL,
	`leased_at` integer NOT NULL,
	FOREIGN KEY (`engine_id`) REFERENCES `engines`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `port_leases_scope_port` ON `port_leases` (`scope`,`port`);--> statement-breakpoint
CREATE INDEX `port_leases_engine` ON `port_leases` (`engine_id`);--> statement-breakpoint
CREATE TABLE `settings` (
	`key` text PRIMARY KEY NOT NULL,
	`value` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `stream_stats` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`stream_row_id` integer NOT NULL,
	`at` integer NOT NULL,
	`peers` integer,
	`speed_down` integer,
	`speed_up` integer,
	`downloaded` integer,
	`uploaded` integer,
	`status` text,
	FOREIGN KEY (`stream_row_id`) REFERENCES `streams`(`row_id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `stream_stats_stream` ON `stream_stats` (`stream_row_id`,`at`);--> statement-breakpoint
CREATE TABLE `streams` (
	`row_id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`stream_id` text NOT NULL,
	`engine_id` text,
	`container_id` text,
	`key_type` text NOT NULL,
	`key` text NOT NULL,
	`playback_session_id` text NOT NULL,
	`stat_url` text NOT NULL,
	`command_url` text NOT NULL,
	`is_live` integer NOT NULL,
	`status` text NOT NULL,
	`started_at` integer NOT NULL,
	`ended_at` integer,
	`end_reason` text,
	FOREIGN KEY (`engine_id`) REFERENCES `engines`(`id`) ON UPDATE no action ON DELETE set null
);
--> statement-breakpoint
CREATE UNIQUE INDEX `streams_started` ON `streams` (`stream_id`) WHERE status = 'started';--> statement-breakpoint
CREATE INDEX `streams_id` ON `streams` (`stream_id`,`row_id`);--> statement-breakpoint
CREATE INDEX `streams_engine` ON `streams` (`engine_id`,`status`);--> statement-breakpoint
CREATE INDEX `streams_ended` ON `streams` (`status`,`ended_at`);