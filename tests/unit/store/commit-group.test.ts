import { Database } from 'bun:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { CommitGroup } from '../../../src/store/commit-group.ts'
import { appendJournal, newestJournal } from '../../../src/store/journal.ts'
import type { Db } from '../../../src/store/store.ts'
import { insertStream, streamsWhere } from '../../../src/store/streams.ts'
import { stream } from '../../support/builders.ts'
import { type TempStore, tempStore } from '../../support/temp-store.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

/* Transactions that share a commit. What each caller gets must not differ from what it would have got alone. */

let temp: TempStore
let clock: VirtualClock
let group: CommitGroup
/** Another program that reads the file. */
let other: Database

beforeEach(() => {
  temp = tempStore()
  clock = new VirtualClock()
  group = new CommitGroup(temp.store, clock)
  other = new Database(temp.path)
})
afterEach(() => {
  other.close()
  temp.dispose()
})

const started =
  (id: string, text = '') =>
  (tx: Db) => {
    appendJournal(tx, 1, { kind: 'stream.started', streamId: id, detail: { text } })
    return insertStream(tx, stream({ streamId: id, engineId: null })).rowId
  }
const failing =
  (id: string) =>
  (tx: Db): number => {
    started(id)(tx)
    throw new Error(`${id} is refused`)
  }
const idsIn = (db: Db) => streamsWhere(db, { status: 'started' }).map(({ streamId }) => streamId)
const onDisk = () =>
  other
    .query<{ id: string }, []>('SELECT stream_id AS id FROM streams ORDER BY row_id')
    .all()
    .map(({ id }) => id)
const entries = () =>
  newestJournal(temp.store.db, 200)
    .map(({ streamId }) => streamId)
    .toReversed()

const commit = (work: (tx: Db) => number, size = 0) => group.transactOrKeep(work, (result) => result, size)

/** Waits for all, and gives the results and the messages of the errors. */
const settled = async (calls: readonly Promise<unknown>[]) =>
  (await Promise.allSettled(calls)).map((each) =>
    each.status === 'fulfilled' ? each.value : each.reason.message,
  )

/** Counts what listeners hear from now on. */
function heard(): { commits: number } {
  const counts = { commits: 0 }
  temp.store.onCommit(() => counts.commits++)
  return counts
}

describe('transactions of one turn', () => {
  test('run in the order of their calls, with one commit and one new version', async () => {
    const counts = heard()
    const before = temp.store.version()
    const rows = await settled(['a', 'b', 'c'].map((id) => commit(started(id))))
    expect(rows).toEqual([1, 2, 3])
    expect([idsIn(temp.store.db), entries()]).toEqual([
      ['a', 'b', 'c'],
      ['a', 'b', 'c'],
    ])
    expect([counts.commits, temp.store.version()]).toEqual([1, before + 1])
  })

  test('are in the file, for any other program, before the first of them is answered', async () => {
    const seen: string[][] = []
    const answers = ['a', 'b'].map(async (id) => {
      await commit(started(id))
      seen.push(onDisk())
    })
    expect(idsIn(temp.store.db)).toEqual([])
    await Promise.all(answers)
    expect(seen).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ])
  })

  test('are answered in their order, after the listeners of the commit', async () => {
    const order: string[] = []
    temp.store.onCommit(() => order.push('commit'))
    await Promise.all(['a', 'b'].map((id) => commit(started(id)).then(() => order.push(id))))
    expect(order).toEqual(['commit', 'a', 'b'])
  })

  test('are followed by what belongs to them before any code that was only waiting, also that of listeners', async () => {
    const order: string[] = []
    temp.store.onCommit(() => queueMicrotask(() => order.push('listener')))
    const calls = ['a', 'b'].map((id) =>
      group.transactOrKeep(started(id), (row) => order.push(`${id} is ${row}`)),
    )
    expect(await settled(calls)).toEqual([1, 2])
    expect(order).toEqual(['a is 1', 'b is 2', 'listener'])
  })

  test('are there although what follows from one of them fails', async () => {
    const after = () => {
      throw new Error('a mistake')
    }
    expect(await settled([group.transactOrKeep(started('a'), after), commit(started('b'))])).toEqual([
      'a mistake',
      2,
    ])
    expect(onDisk()).toEqual(['a', 'b'])
  })

  test('fail alone: what one that throws has written is gone, and the others stay', async () => {
    const calls = [started('a'), failing('b'), started('c')].map((work) => commit(work))
    expect(await settled(calls)).toEqual([1, 'b is refused', 2])
    expect([onDisk(), entries()]).toEqual([
      ['a', 'c'],
      ['a', 'c'],
    ])
    expect(temp.store.failure()).toBeNull()
  })

  test('that all fail are no commit', async () => {
    const counts = heard()
    const before = temp.store.version()
    const calls = ['a', 'b'].map((id) => commit(failing(id)))
    expect(await settled(calls)).toEqual(['a is refused', 'b is refused'])
    expect([counts.commits, temp.store.version(), onDisk()]).toEqual([0, before, []])
  })

  test('fail together when there is nothing to write to', async () => {
    const calls = ['a', 'b'].map((id) => commit(started(id)))
    temp.store.close()
    const [one, two] = await settled(calls)
    expect([one, two]).toEqual([expect.stringContaining('closed'), one])
    temp.reopen()
    expect(onDisk()).toEqual([])
  })

  test('are at most 64 in one commit', async () => {
    const counts = heard()
    const ids = Array.from({ length: 150 }, (_, n) => `stream ${n}`)
    await Promise.all(ids.map((id) => commit(started(id))))
    expect(onDisk()).toEqual(ids)
    expect(counts.commits).toBe(3)
  })
})

describe('one transaction alone', () => {
  test('waits for no timer', async () => {
    const beganMs = clock.now()
    expect(await commit(started('a'))).toBe(1)
    expect([clock.now() - beganMs, clock.timers(), onDisk()]).toEqual([0, 0, ['a']])
  })

  test('that throws leaves nothing behind', async () => {
    expect(await settled([commit(failing('a'))])).toEqual(['a is refused'])
    expect(onDisk()).toEqual([])
  })
})

describe('a disk that fills up in the middle', () => {
  test('is an outage: each is answered with what is kept, and the file gets all of it later', async () => {
    const counts = heard()
    const file = temp.store.db
    const pragma = (words: string) =>
      Object.values(file.get<Record<string, number>>(`PRAGMA ${words}`) ?? {})[0] ?? 0
    pragma(`max_page_count = ${pragma('page_count') + 20}`)
    const works = [started('a'), started('b', 'x'.repeat(1_000_000)), started('c')]
    expect(await settled(works.map((work) => commit(work)))).toEqual([1, 2, 3])
    expect([temp.store.failure()?.kind, temp.store.keptCount(), counts.commits]).toEqual(['full', 3, 1])
    expect([onDisk(), idsIn(temp.store.db)]).toEqual([[], ['a', 'b', 'c']])
    pragma('max_page_count = 1000000')
    expect(temp.store.recover()).toBeNull()
    expect([onDisk(), entries()]).toEqual([
      ['a', 'b', 'c'],
      ['a', 'b', 'c'],
    ])
  })
})

describe('in an outage', () => {
  let holder: Database
  beforeEach(() => {
    holder = new Database(temp.path)
    holder.run('BEGIN IMMEDIATE')
  })
  afterEach(() => holder.close())

  test('each is kept by itself, also those during which it began, and written later in their order', async () => {
    const counts = heard()
    const first = ['a', 'b'].map((id) => commit(started(id)))
    expect(await settled(first)).toEqual([1, 2])
    const next = [started('c'), failing('d'), started('e')].map((work) => commit(work))
    expect(await settled(next)).toEqual([3, 'd is refused', 4])
    expect([temp.store.keptCount(), counts.commits, onDisk()]).toEqual([4, 2, []])
    holder.close()
    expect(temp.store.recover()).toBeNull()
    expect(onDisk()).toEqual(['a', 'b', 'c', 'e'])
  })

  test('one for which there is no room is refused, and the next is kept', async () => {
    const sizes = [7_999_000, 2_000, 500]
    const calls = sizes.map((size, n) => commit(started(`stream ${n}`), size))
    expect(await settled(calls)).toEqual([1, expect.stringContaining('another process holds its lock'), 2])
    expect(idsIn(temp.store.db)).toEqual(['stream 0', 'stream 2'])
  })
})
