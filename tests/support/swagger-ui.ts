import type { Locator, Page } from 'playwright-core'

const operation = (page: Page, id: string): Locator => page.locator(`[id$="-${id}"]`)

/** Where Swagger UI shows the answer to an operation that was tried out. */
export const answerOf = (page: Page, id: string): Locator =>
  operation(page, id).locator('.live-responses-table .response').first()

/** Opens an operation and tries it out. */
export async function tryOut(page: Page, id: string): Promise<void> {
  const own = operation(page, id)
  await own.locator('.opblock-summary-control').click()
  await own.locator('.try-out__btn').click()
  await own.locator('.execute').click()
}

/** Gives Swagger UI the key of the API, as its users do. */
export async function authorize(page: Page, key: string): Promise<void> {
  await page.locator('.auth-wrapper .authorize').first().click()
  await page.locator('.auth-container input').fill(key)
  await page.locator('.auth-btn-wrapper .authorize').click()
  await page.locator('.auth-btn-wrapper .btn-done').click()
}
