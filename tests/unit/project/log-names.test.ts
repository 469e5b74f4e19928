import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { SRC, sourceFiles } from '../../support/source-imports.ts'

/* People know engines by the names of their containers, so no line of the log has an engine's id alone. */

const texts = await Promise.all(sourceFiles().map((file) => Bun.file(join(SRC, file)).text()))

/** The members of each line about an engine. */
const members = texts.flatMap((text) =>
  [...text.matchAll(/\blog(?:\.\w+|\[[^\]]+\])\(\s*\{([^;]*?)\},\s/g)].flatMap(([, inside = '']) =>
    /\bengine:/.test(inside) ? [inside] : [],
  ),
)

test('every line about an engine has its name', () => {
  expect(members.length).toBeGreaterThan(15)
  expect(members.filter((inside) => !/\bname\b/.test(inside))).toEqual([])
})
