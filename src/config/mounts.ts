/** Kinds of settings for what is mounted into an engine. Texts may have the placeholders of ENGINE_ENV. */
import type { Kind } from './kinds.ts'
import { parseJson } from './templates.ts'

/** An absolute path that is not the root, without a colon. */
const TARGET = /^\/[^:\0]*[^:/\0][^:\0]*$/

/** A folder of the host, or the name of a volume. */
const SOURCE = /^(?:\/[^:\0]*|[a-zA-Z0-9{][\w.{}+-]*)$/

const OPTIONS = /^[\w=.,%{}+-]+$/

/** Volumes: a JSON array, or entries separated by commas. An entry with a comma in its options needs the array. */
export const volumes: Kind<readonly string[]> = {
  type: 'source:target,…',
  expects:
    'source:target or source:target:options, separated by commas, or a JSON array of them; the source is a volume or an ' +
    'absolute path, the target an absolute path that no other entry has',
  parse: (text) => {
    if (text === '') return []
    const entries = text.startsWith('[') ? textsOfJson(text) : text.split(',').map((entry) => entry.trim())
    const targets = entries?.map((entry) => entry.split(':')[1])
    return entries?.every(isVolume) && new Set(targets).size === entries.length ? entries : undefined
  },
  format: (entries) => (entries.length === 0 ? '' : JSON.stringify(entries)),
}

/** Folders in memory: a JSON object of paths and options, or entries `path:options` separated by spaces. */
export const tmpfs: Kind<Readonly<Record<string, string>>> = {
  type: 'path:options …',
  expects:
    'absolute paths, each with its mount options behind a colon if need be, separated by spaces (such as ' +
    '/cache:size=2g,mode=1777), or a JSON object of paths and options',
  parse: (text) => {
    if (text === '') return {}
    const entries = text.startsWith('{') ? entriesOfJson(text) : text.split(/\s+/).map(entryOf)
    const isUsable = entries?.every(([path, options]) => TARGET.test(path) && isOptions(options))
    if (!isUsable || entries === undefined) return undefined
    const folders = Object.fromEntries(entries)
    return Object.keys(folders).length === entries.length ? folders : undefined
  },
  format: (folders) => (Object.keys(folders).length === 0 ? '' : JSON.stringify(folders)),
}

function isVolume(entry: string): boolean {
  const [source = '', target = '', options, ...rest] = entry.split(':')
  const isComplete = SOURCE.test(source) && TARGET.test(target) && rest.length === 0
  return isComplete && (options === undefined || OPTIONS.test(options))
}

const isOptions = (options: string): boolean => options === '' || OPTIONS.test(options)

function entryOf(entry: string): [string, string] {
  const split = entry.indexOf(':')
  return split === -1 ? [entry, ''] : [entry.slice(0, split), entry.slice(split + 1)]
}

function textsOfJson(text: string): string[] | undefined {
  const value = parseJson(text)
  return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : undefined
}

function entriesOfJson(text: string): [string, string][] | undefined {
  const value = parseJson(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const entries: [string, unknown][] = Object.entries(value)
  const texts = entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string')
  return texts.length === entries.length ? texts : undefined
}
