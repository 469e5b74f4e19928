import type { Figures } from '../../core/streams/figures.ts'

/** The engine's names for its states are short; a longer text is none of them. */
const STATUS_LENGTH_MAX = 32

/**
 * Reads the figures in an engine's answer about a session (the `response` of a `stat` call).
 * Some versions write `speedDown` instead of `speed_down`, and the live position comes as strings. Fractions are rounded;
 * anything but a number of at least 0 becomes null. Returns null if there is no figure at all, as in the first answer about
 * a session.
 */
export function figuresOf(response: object): Figures | null {
  const members: Readonly<Record<string, unknown>> = { ...response }
  const live: Readonly<Record<string, unknown>> = isObject(members.livepos) ? { ...members.livepos } : {}
  const figures: Figures = {
    status: word(members.status),
    peers: whole(members.peers),
    speedDown: whole(members.speed_down ?? members.speedDown),
    speedUp: whole(members.speed_up ?? members.speedUp),
    downloaded: whole(members.downloaded),
    uploaded: whole(members.uploaded),
    livePos: whole(live.pos),
    liveFirst: whole(live.live_first),
    liveLast: whole(live.live_last),
    bufferPieces: whole(live.buffer_pieces),
  }
  return Object.values(figures).some((figure) => figure !== null) ? figures : null
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

const word = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' && value.length <= STATUS_LENGTH_MAX ? value : null

function whole(value: unknown): number | null {
  const isText = typeof value === 'string' && /^\d{1,15}(\.\d+)?$/.test(value)
  const number = isText ? Number(value) : value
  if (typeof number !== 'number' || !Number.isFinite(number) || number < 0) return null
  const rounded = Math.round(number)
  return Number.isSafeInteger(rounded) ? rounded : null
}
