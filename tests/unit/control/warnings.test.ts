import { beforeEach, expect, test } from 'bun:test'
import { Warnings } from '../../../src/control/reporting/warnings.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

/* When, how often and with which text a warning is reported. */

let clock: VirtualClock
let warnings: Warnings
let logged: string[]
let failures: unknown[]

beforeEach(() => {
  clock = new VirtualClock()
  logged = []
  failures = []
  const note = (level: string) => (_: object, message: string) => void logged.push(`${level}: ${message}`)
  const log = { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') }
  warnings = new Warnings({ clock, log, onError: (error) => failures.push(error) })
})

const full = { message: 'the disk is full', remedy: 'free some' }
const fuller = { message: 'the disk is fuller', remedy: 'free some' }

test('a warning is logged when it begins and when it ends, and not in between', async () => {
  warnings.tell('storage_unavailable', full)
  warnings.tell('storage_unavailable', full)
  await clock.advance(5_000)
  warnings.tell('storage_unavailable', null)
  warnings.tell('storage_unavailable', null)
  expect(logged).toEqual(['warn: the disk is full', 'info: no longer: the disk is full'])
  expect(warnings.standing()).toEqual([])
})

test('other words of a warning keep its beginning', async () => {
  const sinceMs = clock.now()
  warnings.tell('storage_unavailable', full)
  await clock.advance(5_000)
  warnings.tell('storage_unavailable', fuller)
  expect(warnings.standing()).toEqual([{ code: 'storage_unavailable', ...fuller, sinceMs }])
  expect(logged).toHaveLength(1)
})

test('news are a beginning, other words and an end', () => {
  let news = 0
  warnings.onNews(() => void news++)
  for (const told of [null, full, full, fuller, null]) warnings.tell('storage_unavailable', told)
  expect(news).toBe(3)
})

test('a listener that fails is reported, and the others hear all the same', () => {
  let heard = 0
  warnings.onNews(() => {
    throw new Error('no')
  })
  warnings.onNews(() => void heard++)
  warnings.tell('storage_unavailable', full)
  expect(heard).toBe(1)
  expect(failures).toEqual([new Error('no')])
})

test('warnings stand in one order, whatever order they came in', () => {
  warnings.tell('viewers_unknown', full)
  warnings.tell('storage_unavailable', full)
  expect(warnings.standing().map(({ code }) => code)).toEqual(['storage_unavailable', 'viewers_unknown'])
})
