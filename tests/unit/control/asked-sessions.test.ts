import { expect, test } from 'bun:test'
import { sessionsAsked } from '../../../src/control/health/asked-sessions.ts'
import { stream } from '../../support/builders.ts'

const url = (session: string): string => `http://127.0.0.1:19000/ace/stat/${'a'.repeat(40)}/${session}`

test('a session is asked about at its path, and none whose URL is longer than those of engines are', () => {
  const short = { ...stream(), rowId: 1, statUrl: url('session') }
  const long = { ...stream(), rowId: 2, statUrl: url('s'.repeat(512)) }
  expect(sessionsAsked([short, long], [short])).toEqual([
    { streamRowId: 1, path: `/ace/stat/${'a'.repeat(40)}/session` },
  ])
})
