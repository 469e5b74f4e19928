import { type Signal, signal } from '@preact/signals'

/**
 * Records by their key, each with a signal of its own: so a change of one draws one row anew. `ids` changes only if a record
 * comes or goes.
 */
export class Rows<Row> {
  readonly ids: Signal<readonly string[]> = signal([])
  readonly #rows = new Map<string, Signal<Row>>()

  row(id: string): Signal<Row> | undefined {
    return this.#rows.get(id)
  }

  /** All records, read so that a change of any of them counts as a change. */
  all(): readonly Row[] {
    return this.ids.value.flatMap((id) => this.#rows.get(id)?.value ?? [])
  }

  set(id: string, row: Row): void {
    const known = this.#rows.get(id)
    if (known !== undefined) {
      known.value = row
      return
    }
    this.#rows.set(id, signal(row))
    this.ids.value = [...this.ids.value, id]
  }

  delete(id: string): void {
    if (this.#rows.delete(id)) this.ids.value = this.ids.value.filter((known) => known !== id)
  }

  /** Puts these records in the place of all others. */
  replace(rows: ReadonlyMap<string, Row>): void {
    for (const id of this.ids.peek()) if (!rows.has(id)) this.delete(id)
    for (const [id, row] of rows) this.set(id, row)
  }
}
