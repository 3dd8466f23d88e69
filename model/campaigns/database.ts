/** The file that campaigns are kept in: `campaigns.sqlite` of the data directory. */
import { type DatabaseFile, databaseFile } from "../diffusion/sqlite.ts";

const MIGRATIONS = [
  `
  CREATE TABLE campaigns (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    reason TEXT,
    facts TEXT NOT NULL,
    progress TEXT NOT NULL,
    created INTEGER NOT NULL,
    ended INTEGER
  ) STRICT;
  CREATE TABLE parts (
    campaign TEXT NOT NULL REFERENCES campaigns(id),
    shard INTEGER NOT NULL,
    row_from INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    text_from INTEGER NOT NULL,
    text INTEGER NOT NULL,
    gzip_from INTEGER NOT NULL,
    gzip INTEGER NOT NULL,
    PRIMARY KEY (campaign, shard)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX parts_by_row ON parts (campaign, row_from);
  CREATE INDEX parts_by_text ON parts (campaign, text_from);
  CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    campaign TEXT NOT NULL REFERENCES campaigns(id),
    type TEXT NOT NULL,
    at INTEGER NOT NULL,
    event TEXT NOT NULL
  ) STRICT;
  CREATE INDEX events_of_campaign ON events (campaign, type, id);
  CREATE TABLE shards (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    campaign TEXT NOT NULL,
    shard INTEGER NOT NULL,
    state TEXT NOT NULL,
    deliveries INTEGER NOT NULL,
    worker TEXT,
    reason TEXT,
    "order" TEXT NOT NULL,
    result TEXT,
    UNIQUE (campaign, shard)
  ) STRICT;
  CREATE INDEX shards_by_state ON shards (state, number);
`,
  `
  UPDATE events SET event = json_remove(event, '$.rejected') WHERE type = 'progress';
`,
];

/** @param readOnly whether it is another process's to write to */
export const campaignDatabase = (path: string, readOnly?: () => boolean): DatabaseFile =>
  databaseFile(path, { migrations: MIGRATIONS, durable: true, readOnly });
