/** Reads the project's documents, and finds things in them. */
import { join } from 'node:path'

const ROOT = join(import.meta.dir, '../..')

/** Paths from the project's folder. NOTICES.md is left out, because it contains texts of others. */
export const documents: readonly string[] = ['*.md', 'docs/*.md']
  .flatMap((pattern) => [...new Bun.Glob(pattern).scanSync({ cwd: ROOT })])
  .filter((path) => path !== 'NOTICES.md')
  .toSorted()

export const read = (path: string): Promise<string> => Bun.file(join(ROOT, path)).text()

/** The lines of prose: without code, tables and headings. */
export function proseOf(markdown: string): readonly string[] {
  return withoutFences(markdown)
    .split('\n')
    .filter((line) => !/^( {4}|\||#)/.test(line))
}

/** The parts that are code: spans, indented lines and fenced blocks. */
export function spansOf(markdown: string): readonly string[] {
  const fenced = [...markdown.matchAll(FENCED)].map(([block]) => block)
  const rest = withoutFences(markdown)
  const spans = [...rest.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span)
  return [...fenced, ...rest.split('\n').filter((line) => line.startsWith('    ')), ...spans]
}

/** The fenced blocks, each with the words behind its opening fence. */
export function fencesOf(markdown: string): readonly { readonly mark: string; readonly body: string }[] {
  const blocks = [...markdown.matchAll(/^(```|~~~) *([^\n]*)\n([\s\S]*?)^\1$/gm)]
  return blocks.map(([, , mark = '', body = '']) => ({ mark: mark.trim(), body }))
}

/** The anchors of the headings, as GitHub makes them. */
export function anchorsOf(markdown: string): ReadonlySet<string> {
  const headings = [...withoutFences(markdown).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading)
  const seen = new Map<string, number>()
  return new Set(
    headings.map((heading) => {
      const anchor = heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
        .replaceAll(' ', '-')
      const before = seen.get(anchor) ?? 0
      seen.set(anchor, before + 1)
      return before === 0 ? anchor : `${anchor}-${before}`
    }),
  )
}

/** The targets of links, except links to other servers. */
export function linksOf(
  markdown: string,
): readonly { readonly path: string; readonly anchor: string | null }[] {
  const prose = withoutFences(markdown)
  const targets = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target)
  return targets
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [path = '', anchor] = target.split('#')
      return { path, anchor: anchor ?? null }
    })
}

const FENCED = /^(```|~~~)[\s\S]*?^\1$/gm

const withoutFences = (markdown: string): string => markdown.replaceAll(FENCED, '')
