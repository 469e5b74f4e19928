import { wrap } from '../texts.ts'
import type { Row, RowStatus } from './row.ts'

export type Verdict = 'ok' | 'warning' | 'fault'

/** The worst that was found. What was skipped is no finding. */
export function verdictOf(rows: readonly Row[]): Verdict {
  const worst = (['fault', 'warning'] as const).find((status) => rows.some((row) => row.status === status))
  return worst ?? 'ok'
}

/** The rows as a table for people, with a line of how many there are of each kind. */
export function tableText(rows: readonly Row[]): string {
  const width = Math.max(...rows.map(({ check }) => check.length))
  const text = rows.map(({ check, status, message, remedy }) => {
    const [first = '', ...rest] = lines(`${status.padEnd(7)}  ${check.padEnd(width)}  `, message)
    return [first, ...rest, ...(remedy === null ? [] : lines('', `→ ${remedy}`))].join('\n')
  })
  return `${text.join('\n')}\n\n${summary(rows)}\n`

  /** Breaks a sentence behind a head; the further lines are indented as far as the head is wide. */
  function lines(head: string, sentence: string): readonly string[] {
    const indent = ' '.repeat('skipped'.length + width + 4)
    const broken = wrap(sentence, indent).trimEnd().split('\n')
    return head === '' ? broken : [`${head}${broken[0]?.trimStart() ?? ''}`, ...broken.slice(1)]
  }
}

/** The same for programs. */
export const jsonText = (rows: readonly Row[]): string =>
  `${JSON.stringify({ status: verdictOf(rows), rows }, null, 2)}\n`

const KINDS: readonly RowStatus[] = ['ok', 'warning', 'fault', 'skipped']

const summary = (rows: readonly Row[]): string =>
  KINDS.map((kind) => `${rows.filter(({ status }) => status === kind).length} ${kind}`).join(', ')
