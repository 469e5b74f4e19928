import { describe, expect, test } from 'bun:test'
import { fitsIn, readSource, replaced } from './pattern.ts'

describe('a pattern', () => {
  const fits = (text: string, pattern: string): number => fitsIn(readSource('a.ts', text), pattern).length
  const mutated = (text: string, from: string, to: string): readonly string[] =>
    fitsIn(readSource('a.ts', text), from).map((fit) => replaced(fit, to))

  test('fits whatever the names are', () => {
    const pattern = 'if ($engines.length < $max) return $next($engines)'
    expect(fits('if (engines.length < maxReplicas) return start(engines)', pattern)).toBe(1)
    expect(fits('if (this.#fleet.length < policy.cap) return this.begin(this.#fleet)', pattern)).toBe(1)
  })

  test.each([
    'if (engines.length <= max) return start(engines)',
    'if (engines.length < max) throw start(engines)',
    'if (engines.size < max) return start(engines)',
    'if (engines.length < 5) return start(engines)',
    'if (engines.length < max) return null',
  ])('does not fit another operator, keyword, method or value: %s', (text) => {
    expect(fits(text, 'if ($engines.length < $max) return $next($engines)')).toBe(0)
  })

  test('has the same name wherever its placeholder is repeated', () => {
    expect(fits('use(engine, engine)', '$use($engine, $engine)')).toBe(1)
    expect(fits('use(engine, other)', '$use($engine, $engine)')).toBe(0)
    expect(fits('use(engine.id, engine)', '$use($engine.$id, $engine)')).toBe(1)
    expect(fits('use(engine, engine.id)', '$use($engine, $engine)')).toBe(0)
  })

  test('has a literal, a code and a member of the wire as they are', () => {
    expect(
      fits("end(tx, 'vpn_lost', { container_id: id })", "$f($tx, 'vpn_lost', { container_id: $id })"),
    ).toBe(1)
    expect(
      fits("end(tx, 'outside', { container_id: id })", "$f($tx, 'vpn_lost', { container_id: $id })"),
    ).toBe(0)
    expect(fits("end(tx, 'vpn_lost', { id: id })", "$f($tx, 'vpn_lost', { container_id: $id })")).toBe(0)
  })

  test('takes a chain of names whole', () => {
    expect(fits('a.b.c === null', '$x === null')).toBe(1)
    expect(mutated('if (!a?.b.c(d)) e()', '!$x($y)', '$x($y)')).toEqual(['if (a?.b.c(d)) e()'])
  })

  test('fits however the formatter breaks the lines, and beside comments', () => {
    const broken = 'start(\n  engine, // the new one\n  [\n    a,\n    b,\n  ],\n)'
    expect(fits(broken, '$start($engine, [$a, $b])')).toBe(1)
    expect(fits('start(engine, [a, b])', '$start($engine, [\n  $a,\n  $b,\n])')).toBe(1)
  })

  test('fits neither a text nor a comment nor a keyword', () => {
    expect(fits("const text = 'a < b' // a < b", '$a < $b')).toBe(0)
    expect(fits('if (null === undefined) return', '$a === $b')).toBe(0)
  })

  test('puts the names of the place into the replacement', () => {
    expect(mutated('x = f(this.#a, b.c)', '$f($one, $two)', '$f($two, 0 * $one)')).toEqual([
      'x = f(b.c, 0 * this.#a)',
    ])
    expect(() => mutated('f(a)', '$f($a)', '$f($b)')).toThrow('$b is not in the pattern')
  })
})
