ALTER TABLE `breakers` ADD `last_failure_reason` text;--> statement-breakpoint
ALTER TABLE `engines` ADD `image_id` text;