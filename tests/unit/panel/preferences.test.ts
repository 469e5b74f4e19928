import { beforeEach, describe, expect, test } from 'bun:test'
import { Preferences } from '../../../src/panel/state/preferences.ts'
import { type Texts, textsOf } from '../../../src/panel/state/texts.ts'

let kept: Map<string, string>
let texts: Texts
beforeEach(() => {
  kept = new Map()
  texts = {
    getItem: (name) => kept.get(name) ?? null,
    setItem: (name, text) => void kept.set(name, text),
    removeItem: (name) => void kept.delete(name),
  }
})

describe('what a user wants of the page', () => {
  test('is the usual at first, and nothing is kept of that', () => {
    const preferences = new Preferences(texts)
    expect([preferences.theme, preferences.hasKeys]).toEqual(['system', true])
    expect(kept.size).toBe(0)
  })

  test('is there the next time, and is forgotten when it is the usual again', () => {
    const preferences = new Preferences(texts)
    preferences.theme = 'dark'
    preferences.hasKeys = false
    const next = new Preferences(texts)
    expect([next.theme, next.hasKeys]).toEqual(['dark', false])
    next.theme = 'system'
    next.hasKeys = true
    expect(kept.size).toBe(0)
  })

  test('is the usual if what is kept makes no sense', () => {
    kept.set('roundhouse-theme', 'purple')
    expect(new Preferences(texts).theme).toBe('system')
  })

  test('holds until the page is closed where the browser keeps nothing', () => {
    const preferences = new Preferences(
      textsOf(() => {
        throw new Error('blocked')
      }),
    )
    preferences.theme = 'dark'
    preferences.hasKeys = false
    expect([preferences.theme, preferences.hasKeys]).toEqual(['dark', false])
  })
})

test('a storage that is full keeps nothing, and is read all the same', () => {
  const full = textsOf(() => ({
    ...texts,
    setItem: () => {
      throw new Error('full')
    },
  }))
  kept.set('name', 'text')
  full.setItem('name', 'other')
  expect(full.getItem('name')).toBe('text')
})
