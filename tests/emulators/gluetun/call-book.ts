/** Counts calls by route and by answer. */
export class CallBook {
  readonly #calls = new Map<string, Map<string, number>>()

  /** `answer` is the status, or `none` if there was no answer. */
  note(route: string, answer: number | 'none'): void {
    const answers = this.#calls.get(route) ?? new Map<string, number>()
    this.#calls.set(route, answers)
    answers.set(String(answer), (answers.get(String(answer)) ?? 0) + 1)
  }

  /** For example `{"GET /v1/vpn/status": {"200": 3, "none": 1}}`. Queries are not part of a route. */
  get counts(): Readonly<Record<string, Readonly<Record<string, number>>>> {
    return Object.fromEntries(
      [...this.#calls].map(([route, answers]) => [route, Object.fromEntries(answers)]),
    )
  }
}
