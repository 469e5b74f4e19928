/** Kinds of settings for what is passed to an engine: environment variables, labels and the command. */
import { split } from 'shlex'
import { isReservedLabel, RESERVED_PREFIXES } from '../core/engines/labels.ts'
import type { Kind } from './kinds.ts'

const VARIABLE_NAME = /^[a-zA-Z_][\w.-]*$/

/** Environment variables: a JSON object, or lines of KEY=VALUE. Blank lines and lines that begin with # are skipped. */
export const environment: Kind<Readonly<Record<string, string>>> = {
  type: 'variables',
  expects: 'a JSON object of names and values, or lines of KEY=VALUE',
  parse: (text) => recordOf(text, (name) => VARIABLE_NAME.test(name)),
  format: textOf,
}

/** Labels, in the forms of `environment`. None of them is reserved for us. */
export const labels: Kind<Readonly<Record<string, string>>> = {
  type: 'labels',
  expects: `a JSON object of names and values, or lines of KEY=VALUE, with no name that begins with ${RESERVED_PREFIXES.join(' ')}`,
  parse: (text) => recordOf(text, (name) => /^[^=\s]+$/.test(name) && !isReservedLabel(name)),
  format: textOf,
}

/** A command: a JSON array of strings, or words as a shell splits them (quotes and backslash, no expansion). */
export const command: Kind<readonly string[]> = {
  type: 'command',
  expects: 'a JSON array of words, or words separated by spaces with every quote closed',
  parse: (text) => {
    const words = text.startsWith('[') ? wordsOfJson(text) : shellWords(text)
    return words === undefined || words.length === 0 ? undefined : words
  },
  format: (words) => JSON.stringify(words),
}

function recordOf(text: string, isName: (name: string) => boolean): Record<string, string> | undefined {
  const pairs = text.startsWith('{') ? pairsOfJson(text) : pairsOfLines(text)
  return pairs?.every(([name]) => isName(name)) ? Object.fromEntries(pairs) : undefined
}

function textOf(record: Readonly<Record<string, string>>): string {
  return Object.keys(record).length === 0 ? '' : JSON.stringify(record)
}

function pairsOfJson(text: string): [string, string][] | undefined {
  const value = parseJson(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const entries: [string, unknown][] = Object.entries(value)
  return entries.every(([, item]) => ['string', 'number', 'boolean'].includes(typeof item))
    ? entries.map(([name, item]) => [name, String(item)])
    : undefined
}

function pairsOfLines(text: string): [string, string][] | undefined {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
  if (!lines.every((line) => line.includes('='))) return undefined
  return lines.map((line) => {
    const split = line.indexOf('=')
    return [line.slice(0, split), line.slice(split + 1)]
  })
}

function wordsOfJson(text: string): string[] | undefined {
  const value = parseJson(text)
  if (!Array.isArray(value)) return undefined
  const words = value.filter((item) => typeof item === 'string')
  return words.length === value.length ? words : undefined
}

/** Splits a text into words; undefined if a quote is not closed, or if nothing follows a backslash. */
function shellWords(text: string): string[] | undefined {
  try {
    return split(text)
  } catch {
    return undefined
  }
}

/** The value of a JSON text; undefined if it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
