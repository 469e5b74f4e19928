/** Counts calls by route and by how they were answered. */
export class CallBook {
  readonly #calls = new Map<string, Map<string, number>>()

  /** `answer` is the status, or what happened instead of one. */
  note(route: string, answer: number | 'none'): void {
    const answers = this.#calls.get(route) ?? new Map<string, number>()
    this.#calls.set(route, answers)
    answers.set(String(answer), (answers.get(String(answer)) ?? 0) + 1)
  }

  /** `{"GET /v1/vpn/status": {"200": 3, "none": 1}}`; queries are no part of a route. */
  get counts(): Readonly<Record<string, Readonly<Record<string, number>>>> {
    return Object.fromEntries(
      [...this.#calls].map(([route, answers]) => [route, Object.fromEntries(answers)]),
    )
  }
}
