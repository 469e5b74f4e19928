import { FormatRegistry, Type } from '@sinclair/typebox'

/*
 * The kinds of text that a request may contain, and their lengths. Every text of a body, a path, a query or a header is
 * declared with one of them. So no text without a length limit is stored, and none that SQLite, Docker and JSON would each
 * read differently. Answers are not checked against them, because an older version may have stored longer texts.
 */

/** The number of characters (UTF-16 code units) that a text may have. */
const NAME_MAX = 255
const URL_MAX = 2_048
const TIME_MAX = 64
const IMAGE_MAX = 512

/** The id of a stream is a key and a session with a bar between them, and a key may be a URL. */
const STREAM_ID_MAX = URL_MAX + 1 + NAME_MAX

/**
 * A line has no control characters (C0, DEL, C1). A text may have all but NUL. Neither may contain half of a surrogate pair.
 */
const FORMATS = {
  line: (text: string): boolean => text.isWellFormed() && !hasControls(text),
  text: (text: string): boolean => text.isWellFormed() && !text.includes('\0'),
} as const

type Format = keyof typeof FORMATS

// The compiled validators look up formats by name. `expectation` has the words for them.
for (const [name, isOfIt] of Object.entries(FORMATS)) FormatRegistry.Set(name, isOfIt)

function hasControls(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code < 0x20 || (code >= 0x7f && code <= 0x9f)) return true
  }
  return false
}

/** What a text must be, in terms of JSON Schema. */
export interface TextBounds {
  readonly format: Format
  readonly minLength: number
  readonly maxLength: number
}

/** Whether a text is within its bounds, for places where no schema can check that. */
export const fits = (text: string, { format, minLength, maxLength }: TextBounds): boolean =>
  text.length >= minLength && text.length <= maxLength && FORMATS[format](text)

const line = (minLength: number, maxLength: number, description: string) =>
  Type.String({ minLength, maxLength, format: 'line', description })

/** An identifier such as an id, a key or a host. */
export const Name = (description: string) => line(1, NAME_MAX, description)

/** A name that may be empty, because proxies leave some names empty. */
export const Word = (description: string) => line(0, NAME_MAX, description)

/** An image reference. It may be long, because registries and digests are. */
export const ImageName = (description: string) => line(1, IMAGE_MAX, description)

/** What a stream plays: a content id, an infohash, a URL or a magnet link. */
export const StreamKey = (description: string) => line(1, URL_MAX, description)

/** A URL, or an empty text. It is not checked further here, because only parts of it are used. */
export const SessionUrl = (description: string) => line(0, URL_MAX, description)

/** The id of a stream in a path or a query. */
export const StreamId = (description: string) => line(1, STREAM_ID_MAX, description)

/** The id of a stream in an event. Some proxies leave it empty. */
export const ReportedStreamId = (description: string) => line(0, STREAM_ID_MAX, description)

/** A time as text, or the number of a record. */
export const Moment = (description: string) => line(0, TIME_MAX, description)

/** The value of a label that a query asks for. */
export const LabelValue = (description: string) => Type.String({ ...VALUE, description })

/** The name of a label or of an environment variable. */
export const KEY: TextBounds = { format: 'line', minLength: 1, maxLength: NAME_MAX }

/** The value of a label or of an environment variable. It may have several lines. */
export const VALUE: TextBounds = { format: 'text', minLength: 0, maxLength: 4_096 }

/** The value of a label of an event. The one that is used is the id of the stream. */
export const EVENT_VALUE: TextBounds = { format: 'line', minLength: 0, maxLength: STREAM_ID_MAX }

/** Shortens a name from a request so that an answer can repeat it. */
export const shortened = (text: string): string =>
  text.length <= ECHO_MAX ? text : `${text.slice(0, ECHO_MAX).toWellFormed()}…`

const ECHO_MAX = 100
