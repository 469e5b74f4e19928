import { choiceAmong, type ShownEngine } from './choice.ts'

/** A list that was served to proxies, in its order. The same list is the same object. */
export type ServedList = readonly ShownEngine[]

/** acexy keeps its list for 2 seconds, and the answer takes a moment. */
const LIST_MAX_AGE_MS = 3_000

/** How long acexy waits for an answer. A longer pause between two questions ends a walk. */
const PAUSE_MAX_MS = 3_000

/** The most lists and walks that are remembered. */
const LISTS_MAX = 64
const WALKS_MAX = 64

/** A proxy on its way through a list: it asks for the started streams of each engine, one after the other. */
interface Walk {
  /** The lists that the questions fit, the one served last first. */
  readonly lists: readonly ServedList[]
  /** How many started streams each question was answered with. */
  readonly answers: readonly number[]
  readonly atMs: number
}

/**
 * Follows proxies through their lists, and tells what they choose. Several proxies may ask at the same time, and nothing in
 * a question says whose it is. But all of one walk follow the order of one list, and it does not matter which of two walks
 * at the same place a question belongs to.
 */
export class Walks {
  readonly #served = new Map<ServedList, number>()
  #walks: readonly Walk[] = []

  /** `perEngineMax`: how many streams a proxy puts on one engine. */
  constructor(private readonly perEngineMax: number) {}

  /** Notes that a list was served. */
  served(list: ServedList, nowMs: number): void {
    // A list that is named last is forgotten last.
    this.#served.delete(list)
    this.#served.set(list, nowMs)
    const [oldest] = this.#served.keys()
    if (this.#served.size > LISTS_MAX && oldest !== undefined) this.#served.delete(oldest)
  }

  /**
   * Notes a question for the started streams of one container, and how many the answer named. Returns the engine that the
   * proxy will choose, if this was the last question of its walk; else null.
   */
  asked(containerId: string, started: number, nowMs: number): ShownEngine | null {
    const walks = this.#walks.filter(({ atMs }) => nowMs - atMs <= PAUSE_MAX_MS)
    const fits = (walk: Walk): boolean => walk.lists.some((list) => isNext(list, walk, containerId))
    // The one that is furthest on: single questions of others look like walks that have just begun.
    const [before = this.#begun(nowMs)] = walks
      .filter(fits)
      .toSorted((a, b) => b.answers.length - a.answers.length)
    const others = walks.filter((walk) => walk !== before)
    const lists = before.lists.filter((list) => isNext(list, before, containerId))
    const answers = [...before.answers, started]
    const [list] = lists
    const isWhole = list?.length === answers.length
    const goesOn = list !== undefined && !isWhole
    this.#walks = goesOn ? [...others, { lists, answers, atMs: nowMs }].slice(-WALKS_MAX) : others
    return isWhole ? choiceAmong(list, answers, this.perEngineMax) : null
  }

  #begun(nowMs: number): Walk {
    for (const [list, servedMs] of this.#served)
      if (nowMs - servedMs > LIST_MAX_AGE_MS) this.#served.delete(list)
    return { lists: [...this.#served.keys()].reverse(), answers: [], atMs: nowMs }
  }
}

const isNext = (list: ServedList, { answers }: Walk, containerId: string): boolean =>
  list[answers.length]?.containerId === containerId
