import { describe, expect, test } from 'bun:test'
import { eventsBetween } from '../../../src/runtime/swarm-events.ts'
import { unplacedFailure } from '../../../src/runtime/swarm-refusals.ts'
import { RestartBook } from '../../../src/runtime/swarm-restarts.ts'
import { startOutcome } from '../../../src/runtime/swarm-starts.ts'
import {
  aService,
  aTask,
  at,
  CLOSED,
  ended,
  PORT_USED,
  ready,
  refused,
  STOPPED,
  takenAway,
  unplaced,
} from '../../support/swarm-builders.ts'

describe('the count of restarts', () => {
  test('begins at 0 with a start, and counts each further task once, also those that are gone', () => {
    const book = new RestartBook()
    expect(book.note('a', [])).toBe(0)
    expect(book.note('a', [aTask(1)])).toBe(0)
    expect(book.note('a', [ended(1), aTask(3)])).toBe(1)
    expect(book.note('a', [ended(1), aTask(3)])).toBe(1)
    expect(book.note('a', [ended(5), ended(7), aTask(9)])).toBe(4)
    // A look that was late.
    expect(book.note('a', [ended(1), aTask(3)])).toBe(4)
    expect(book.note('a', [])).toBe(4)
  })

  test('begins at 0 for what ran before the first look, and says nothing of what was before', () => {
    const book = new RestartBook()
    expect(book.note('a', [ended(1), ended(3), aTask(5)])).toBe(0)
    expect(book.note('a', [ended(5), aTask(7)])).toBe(1)
  })

  test('begins anew with a start by a call, whose task a look may have seen before', () => {
    const book = new RestartBook()
    book.note('a', [])
    book.note('a', [ended(1), aTask(3)])
    book.note('a', [ended(1), ended(3), aTask(5)])
    book.begin('a', [ended(1), ended(3)])
    expect(book.note('a', [ended(3), aTask(5)])).toBe(0)
    expect(book.note('a', [ended(5), aTask(7)])).toBe(1)
  })

  test('does not count a task before it is on a node', () => {
    const book = new RestartBook()
    book.note('a', [])
    book.note('a', [aTask(1)])
    expect(book.note('a', [ended(1), unplaced(3, CLOSED)])).toBe(0)
    expect(book.note('a', [ended(1), aTask(3)])).toBe(1)
  })

  test('does not count a task that Swarm takes away before it is started, whenever it is seen', () => {
    const book = new RestartBook()
    book.note('a', [])
    book.note('a', [aTask(1)])
    const removed = ready(3, { DesiredState: 'remove' })
    for (const stray of [ready(3), removed, takenAway(3)]) expect(book.note('a', [ended(1), stray])).toBe(0)
    expect(book.note('a', [ended(1)])).toBe(0)
    expect(book.note('a', [ended(1), ready(5)])).toBe(0)
    expect(book.note('a', [ended(1), aTask(5)])).toBe(1)
  })

  test('is forgotten with its service', () => {
    const book = new RestartBook()
    for (const id of ['a', 'b']) {
      book.note(id, [])
      book.note(id, [ended(1), aTask(3)])
    }
    book.keep(new Set(['b']))
    expect([book.note('a', [aTask(5)]), book.note('b', [aTask(3)])]).toEqual([0, 1])
  })
})

describe('what has become of a start', () => {
  test.each([
    ['nothing yet', [], 'pending'],
    [
      'it waits for its node',
      [aTask(1, { NodeID: '', Status: { Timestamp: at(1), State: 'pending' } })],
      'pending',
    ],
    [
      'it is being prepared',
      [aTask(1, { Status: { Timestamp: at(1), State: 'preparing', Message: 'preparing' } })],
      'pending',
    ],
    ['it runs', [aTask(1)], 'started'],
    ['it ran, and ended at once', [ended(1)], 'started'],
    ['it ran, and Swarm tries again', [aTask(3, { NodeID: '' }), ended(1)], 'started'],
    ['its node refused it', [refused(1, 'words')], { words: 'words', isUnplaced: false }],
    [
      'its node refused it, and Swarm tries again',
      [aTask(3, { NodeID: '', Status: { Timestamp: at(3), State: 'pending' } }), refused(1, 'first')],
      { words: 'first', isUnplaced: false },
    ],
    [
      'no node may have it',
      [unplaced(1, PORT_USED)],
      { words: `no suitable node (${PORT_USED})`, isUnplaced: true },
    ],
  ] as const)('%s', (_, tasks, outcome) => {
    expect<unknown>(startOutcome(tasks)).toEqual(outcome)
  })

  test.each([
    [PORT_USED, 'port_taken', '19000'],
    [CLOSED, 'no_host', 'shed'],
    ['scheduling constraints not satisfied on 2 nodes', 'no_host', 'shed'],
    ['insufficient resources on 1 node', 'refused', 'insufficient resources'],
    ['unsupported platform on 1 node', 'refused', 'unsupported platform'],
  ])('the scheduler says "%s"', (words, code, named) => {
    const failure = unplacedFailure(`no suitable node (${words})`, { host: 'shed', ports: [19_000] })
    expect([failure.code, failure.effect]).toEqual([code as typeof failure.code, 'none'])
    expect(failure.message).toContain(named)
  })
})

describe('the events between two looks', () => {
  const NONE = { services: [], tasks: [] }
  const service = aService()
  const told = (before: Parameters<typeof eventsBetween>[0], after: typeof before) =>
    eventsBetween(before, after, Date.parse(at(100))).map(({ action, atMs }) => [
      action,
      (atMs - Date.parse(at(0))) / 1000,
    ])

  test('tell a whole life that left its traces, in its order', () => {
    const running = { services: [service], tasks: [aTask(1)] }
    expect(told(NONE, { services: [service], tasks: [] })).toEqual([['create', 0]])
    expect(told(NONE, running)).toEqual([
      ['create', 0],
      ['start', 2],
    ])
    expect(told(running, running)).toEqual([])
    const again = { services: [service], tasks: [aTask(5), ended(1)] }
    expect(told(running, again)).toEqual([
      ['die', 3],
      ['start', 6],
    ])
    expect(told(NONE, again)).toEqual([
      ['create', 0],
      ['start', 3],
      ['die', 3],
      ['start', 6],
    ])
    const stopped = { services: [aService(STOPPED)], tasks: [] }
    expect(told(running, stopped)).toEqual([['die', 100]])
    expect(told(stopped, NONE)).toEqual([['destroy', 100]])
    expect(told(running, NONE)).toEqual([
      ['die', 100],
      ['destroy', 100],
    ])
  })

  test('tell nothing of a task that Swarm takes away before it is started', () => {
    const [calm, stopped] = [[service], [aService(STOPPED)]]
    const before = { services: calm, tasks: [aTask(1)] }
    const waiting = { services: calm, tasks: [ended(1), ready(3)] }
    const after = { services: stopped, tasks: [ended(1), takenAway(3)] }
    expect(told(before, waiting)).toEqual([['die', 3]])
    expect(told(waiting, after)).toEqual([])
    expect(told(before, after)).toEqual([['die', 3]])
    // The same end of one that ran.
    expect(told(before, { services: stopped, tasks: [takenAway(1)] })).toEqual([['die', 2]])
  })

  test('tell nothing of attempts that never ran', () => {
    const before = { services: [service], tasks: [] }
    expect(told(before, { services: [service], tasks: [refused(1, 'no'), unplaced(3, CLOSED)] })).toEqual([])
  })

  test('have the name and the labels of the service, without those of the runtime', () => {
    const [event] = eventsBetween(NONE, { services: [service], tasks: [] }, 0)
    expect(event).toMatchObject({ id: 'service-1', name: 'acestream-1', labels: { colour: 'blue' } })
  })
})
