import { expect, test } from 'bun:test'
import type { JournalBook } from './books.ts'
import { Fold } from './fold.ts'

const entry = (kind: string, engineId: string | null, streamId: string | null = null): JournalBook => ({
  id: 1,
  at: 0,
  kind,
  engine_id: engineId,
  stream_id: streamId,
  detail: '{}',
})

test('the journal alone tells the status of an engine through its whole life', () => {
  const fold = new Fold()
  const told = [
    'provision.started',
    'provision.completed',
    'engine.ready',
    'engine.started',
    'engine.ready',
    'engine.draining',
    'engine.recalled',
    'engine.removal_requested',
    'engine.gone',
  ].map((kind) => {
    fold.add(entry(kind, 'e'))
    return fold.status('e')
  })
  expect(told).toEqual([
    'provisioning',
    'starting',
    'ready',
    'starting',
    'ready',
    'draining',
    'ready',
    'draining',
    'gone',
  ])
  expect(fold.live()).toEqual([])
})

test('the journal alone tells which streams are started', () => {
  const fold = new Fold()
  fold.add(entry('stream.started', 'e', 'a'))
  fold.add(entry('stream.started', null, 'b'))
  fold.add(entry('stream.ended', 'e', 'a'))
  fold.add(entry('stream.failed', 'e', 'c'))
  expect([...fold.startedStreams()]).toEqual(['b'])
})
