import { FormatRegistry, Type } from '@sinclair/typebox'

/*
 * The kinds of text that a request may bring, and how long each may be. Every text of a body, a path, a query or a header is
 * declared by one of these, so that nothing is stored that has no length, or that SQLite, Docker and JSON understand each in
 * its own way. Answers are not held to them: what an older version has stored may be longer.
 */

/** Characters (UTF-16 code units) that a text may have. */
const NAME_MAX = 255
const URL_MAX = 2_048
const TIME_MAX = 64
const IMAGE_MAX = 512

/** A wire id is a key and a session with a bar between them, and a key may be a URL. */
const STREAM_ID_MAX = URL_MAX + 1 + NAME_MAX

/** A line has no control characters (C0, DEL, C1), a text may have all but NUL; neither has half of a surrogate pair. */
const FORMATS = {
  line: (text: string): boolean => text.isWellFormed() && !hasControls(text),
  text: (text: string): boolean => text.isWellFormed() && !text.includes('\0'),
} as const

type Format = keyof typeof FORMATS

// The compiled validators look them up by name; `expectation` has their words.
for (const [name, isOfIt] of Object.entries(FORMATS)) FormatRegistry.Set(name, isOfIt)

function hasControls(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code < 0x20 || (code >= 0x7f && code <= 0x9f)) return true
  }
  return false
}

/** What a text must be, in the words of JSON Schema. */
export interface TextBounds {
  readonly format: Format
  readonly minLength: number
  readonly maxLength: number
}

/** Whether a text is what it must be, for where no schema can say so. */
export const fits = (text: string, { format, minLength, maxLength }: TextBounds): boolean =>
  text.length >= minLength && text.length <= maxLength && FORMATS[format](text)

const line = (minLength: number, maxLength: number, description?: string) =>
  Type.String({ minLength, maxLength, format: 'line', ...(description === undefined ? {} : { description }) })

/** What something is called by: an id, a key, a host. */
export const Name = (description?: string) => line(1, NAME_MAX, description)

/** A name that may be left empty, where proxies do. */
export const Word = (description?: string) => line(0, NAME_MAX, description)

/** An image reference; registries and digests are long. */
export const ImageName = (description: string) => line(1, IMAGE_MAX, description)

/** What a stream is of: a content id, an infohash, a URL or a magnet link. */
export const StreamKey = () => line(1, URL_MAX)

/** A URL, or nothing; not more is asked of it here, since only parts of it are used. */
export const SessionUrl = () => line(0, URL_MAX)

/** The id of a stream in a path or a query. */
export const StreamId = (description: string) => line(1, STREAM_ID_MAX, description)

/** The id of a stream in an event, which some proxies leave empty. */
export const ReportedStreamId = () => line(0, STREAM_ID_MAX)

/** A time as text, or another place in a list. */
export const Moment = (description: string) => line(0, TIME_MAX, description)

/** The value of a label that a query asks for. */
export const LabelValue = () => Type.String({ ...VALUE })

/** What names a label or a variable of the environment. */
export const KEY: TextBounds = { format: 'line', minLength: 1, maxLength: NAME_MAX }

/** What a label or a variable says: it may have several lines. */
export const VALUE: TextBounds = { format: 'text', minLength: 0, maxLength: 4_096 }

/** What a label of an event says; the one that is used is the id of the stream. */
export const EVENT_VALUE: TextBounds = { format: 'line', minLength: 0, maxLength: STREAM_ID_MAX }

/** A name that somebody gave, short enough to be repeated in an answer. */
export const shortened = (text: string): string =>
  text.length <= ECHO_MAX ? text : `${text.slice(0, ECHO_MAX).toWellFormed()}…`

const ECHO_MAX = 100
