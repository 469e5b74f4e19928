/**
 * Runs the timelines recorded from the real Gluetun with the emulator's model on a fake clock: the same events must come in
 * the same order at about the same times.
 */

import { describe, expect, test } from 'bun:test'
import { recordings, type Timeline, type TimelineEvent } from '../testing/recordings.ts'
import { CHANNELS, type Channel, type Sighting, type TimelineRun } from '../testing/timeline-run.ts'
import { beginTimeline } from '../testing/timeline-set-up.ts'

/** Recorded times are those of polls, and small differences add up over the cycles of a dead VPN. */
const TOLERANCE_MS = 450
const TOLERANCE_SHARE = 0.005

/** States shorter than this are seen or missed by chance. */
const BLINK_MS = 150

const timelines = await recordings<Timeline>('timelines')

describe('the timeline of', () => {
  test.each([...timelines])('$version: $scenario', async (timeline) => {
    const run = await beginTimeline(timeline)
    await run.live(timeline.scenario.includes('polled every 20 ms') ? 20 : 100)
    for (const channel of CHANNELS) expectSightings(run, timeline, channel)
    expect(run.answers).toEqual(recordedAnswers(timeline))
    expect(run.exitCode).toBe(said(timeline, 'process exited with code 2') ? 2 : null)
    for (const event of timeline.events) expectHealthcheck(run, event)
  })
})

test('there are timelines of all versions', () => {
  expect(timelines).toHaveLength(44)
  expect(new Set(timelines.map(({ version }) => version)).size).toBe(5)
})

function expectSightings(run: TimelineRun, { events }: Timeline, channel: Channel): void {
  const recorded = events
    .filter(({ read }) => read === channel)
    .map(({ t_ms, body = '' }) => ({ t_ms, body }))
  const expected = steady(recorded)
  // What comes after the end was not recorded. There, only late events are searched.
  const endMs = events.at(-1)?.t_ms ?? 0
  const seen = steady(run.sightings[channel]).filter(
    ({ t_ms }, index) => index < expected.length || t_ms <= endMs,
  )
  expect([channel, seen.map(({ body }) => body)]).toEqual([channel, expected.map(({ body }) => body)])
  const late = expected
    .map(({ t_ms, body }, index) => ({ channel, body, t_ms, seen_ms: seen[index]?.t_ms ?? 0 }))
    .filter(({ t_ms, seen_ms }) => t_ms > 0 && !isClose(t_ms, seen_ms))
  expect(late).toEqual([])
}

const isClose = (t_ms: number, seen_ms: number): boolean =>
  Math.abs(t_ms - seen_ms) <= TOLERANCE_MS + TOLERANCE_SHARE * t_ms

/** Removes states that are too short, except `starting`, and the milliseconds in texts. */
function steady(sightings: readonly Sighting[]): readonly Sighting[] {
  const lasting = sightings.filter(({ t_ms, body }, index) => {
    const endMs = sightings[index + 1]?.t_ms ?? Number.POSITIVE_INFINITY
    return endMs - t_ms >= BLINK_MS || !/stopping|stopped/.test(body)
  })
  return lasting
    .map(({ t_ms, body }) => ({ t_ms, body: body.trimEnd().replace(/\((\d+)\d\d\dms\)/g, '($1 s)') }))
    .filter(({ body }, index, all) => body !== all[index - 1]?.body)
}

function recordedAnswers({ events }: Timeline): string[] {
  const matches = events.map(({ what = '' }) => /^answer (?:200 ?(.*)|(None).*)$/.exec(what))
  return matches.flatMap((match) => (match === null ? [] : [match[1] ?? match[2] ?? '']))
}

const said = ({ events }: Timeline, what: string): boolean => events.some((event) => event.what === what)

/** Checks that the healthcheck command ends as recorded, within the tolerance. */
function expectHealthcheck({ healthy }: TimelineRun, { t_ms, what = '' }: TimelineEvent): void {
  const [, code] = /^healthcheck command .*: exit (\d)/.exec(what) ?? []
  if (code === undefined) return
  const near = healthy.filter((each) => isClose(t_ms, each.t_ms)).map(({ isHealthy }) => isHealthy)
  expect([what, near]).toEqual([what, expect.arrayContaining([code === '0'])])
}
