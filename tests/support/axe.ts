import axe from 'axe-core'
import type { Page } from 'playwright-core'

/** What axe-core finds wrong with a page, as far as it keeps somebody from using it: the rule, and where it is broken. */
export async function seriousFaults(page: Page): Promise<string[]> {
  // Evaluated from outside: the page's policy lets nobody put a script into it.
  await page.evaluate(axe.source)
  const { violations } = await page.evaluate<{ violations: readonly Violation[] }>(
    `axe.run(document, { resultTypes: ['violations'] })`,
  )
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`))
}

interface Violation {
  readonly id: string
  readonly impact: string | null
  readonly nodes: readonly { readonly html: string }[]
}
