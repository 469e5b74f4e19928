import { Database } from 'bun:sqlite'
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { newestStream } from '../../../src/store/streams.ts'
import { Rig } from '../../support/rig.ts'
import { settled } from '../../support/virtual-clock.ts'

/* Events that arrive while another commit is written share the next one. */

const PORT = 19_000

let rig: Rig

beforeEach(async () => {
  rig = await new Rig({ MIN_REPLICAS: '0', AUTO_DELETE: 'false' }).start()
  await rig.provision()
  await settled()
})
afterEach(() => rig.dispose())

const IDS = Array.from({ length: 20 }, (_, n) => `stream ${n}`)

const end = (id: string) =>
  rig.json<{ updated: boolean }>('POST', '/events/stream_ended', { stream_id: id, reason: 'eof' })

/** The stream ids in a file, as another program finds them. */
function onDisk(): readonly string[] {
  const other = new Database(rig.temp.path, { readonly: true })
  try {
    const found = other.query<{ id: string }, []>('SELECT stream_id AS id FROM streams ORDER BY row_id')
    return found.all().map(({ id }) => id)
  } finally {
    other.close()
  }
}

test('starts and ends at once are one commit each, and each is in the file before its answer', async () => {
  let commits = 0
  rig.temp.store.onCommit(() => commits++)
  const seen = await Promise.all(IDS.map((id) => rig.play(PORT, id).then(onDisk)))
  expect(seen).toEqual(IDS.map(() => IDS))
  expect(commits).toBe(1)
  const ended = await Promise.all(IDS.map(end))
  expect([ended.map(({ updated }) => updated), commits]).toEqual([IDS.map(() => true), 2])
})

test('the start and the end of one stream at once are recorded in this order', async () => {
  const [, ended] = await Promise.all([rig.play(PORT, 'one'), end('one')])
  expect(ended.updated).toBe(true)
  expect(newestStream(rig.temp.store.db, 'one')).toMatchObject({ status: 'ended', endReason: 'eof' })
})

test('a repetition that arrives with the event opens no second record', async () => {
  const [first, second] = await Promise.all([rig.play(PORT, 'one'), rig.play(PORT, 'one')])
  expect(second).toEqual(first)
  expect(onDisk()).toEqual(['one'])
})
