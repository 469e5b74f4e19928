import { describe, expect, test } from 'bun:test'
import { Life, LifeClock } from './life.ts'
import { SimClock, settled } from './sim-clock.ts'

describe('the simulated clock', () => {
  test('runs timers in the order of their times, and those of one time in the order of setting', async () => {
    const clock = new SimClock(0)
    const ran: string[] = []
    for (const [ms, name] of [
      [30, 'c'],
      [10, 'a'],
      [30, 'd'],
      [20, 'b'],
      [10, 'a2'],
    ] as const)
      clock.after(ms, () => ran.push(`${name}@${clock.now()}`))
    while (await clock.step(1_000)) {}
    expect(ran).toEqual(['a@10', 'a2@10', 'b@20', 'c@30', 'd@30'])
    expect(clock.now()).toBe(1_000)
  })

  test('does not run what was cancelled, and stops at its limit', async () => {
    const clock = new SimClock(0)
    const ran: number[] = []
    clock.after(5, () => ran.push(5))()
    clock.after(50, () => ran.push(50))
    expect(await clock.step(20)).toBe(false)
    expect([clock.now(), ran]).toEqual([20, []])
  })

  test('ends a sleep at its time, or at once when it is aborted', async () => {
    const clock = new SimClock(0)
    const abort = new AbortController()
    const woken: string[] = []
    void clock.sleep(100, abort.signal).then(() => woken.push('aborted'))
    void clock.sleep(10).then(() => woken.push('slept'))
    await clock.step(1_000)
    abort.abort()
    await settled()
    expect(woken).toEqual(['slept', 'aborted'])
  })

  test('runs what is to be soon at the same time, after what was due already', async () => {
    const clock = new SimClock(0)
    const ran: string[] = []
    clock.after(10, () => {
      clock.after(0, () => ran.push(`due@${clock.now()}`))
      clock.soon(() => ran.push(`soon@${clock.now()}`))
      ran.push('first')
    })
    while (await clock.step(1_000)) {}
    expect(ran).toEqual(['first', 'due@10', 'soon@10'])
  })

  test('lets nothing happen while time is spent; what was due meanwhile comes late, and in its order', async () => {
    const clock = new SimClock(0)
    const ran: string[] = []
    for (const ms of [30, 20, 300]) clock.after(ms, () => ran.push(`${ms}@${clock.now()}`))
    clock.after(10, () => {
      clock.spend(100)
      ran.push(`busy@${clock.now()}`)
    })
    while (await clock.step(1_000)) {}
    expect(ran).toEqual(['busy@110', '20@110', '30@110', '300@300'])
    expect(clock.spentMs()).toBe(100)
  })

  test('orders ten thousand timers', async () => {
    const clock = new SimClock(0)
    const times: number[] = []
    for (let n = 0; n < 10_000; n++) clock.after((n * 7_919) % 10_007, () => times.push(clock.now()))
    while (await clock.step(20_000)) {}
    expect(times).toHaveLength(10_000)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
  })
})

test('nothing that a life set a timer for happens after its death', async () => {
  const clock = new SimClock(0)
  const life = new Life(1)
  const mine = new LifeClock(clock, life, () => undefined)
  const ran: string[] = []
  mine.after(10, () => ran.push('before'))
  mine.after(30, () => ran.push('after'))
  void mine.sleep(30).then(() => ran.push('slept'))
  clock.after(20, () => life.die())
  while (await clock.step(100)) {}
  expect(ran).toEqual(['before'])
  expect(() => life.assertAlive()).toThrow('ended')
})
