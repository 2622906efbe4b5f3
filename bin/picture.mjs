// node bin/picture.mjs [URL]: takes the README's picture (docs/picture.png) from a running shop that has the sample
// catalogue. It orders a free copy for the voucher it shows, and cancels that order when the picture is taken.
import { mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { findChromium } from './find-chromium.mjs'
import { root } from './set-up.mjs'

const bytesMax = 400_000
const desktop = { viewport: { width: 1240, height: 860 }, colorScheme: 'light' }
const phone = {
  viewport: { width: 390, height: 800 },
  colorScheme: 'dark',
  deviceScaleFactor: 1.5,
  isMobile: true,
}
const url = (process.argv[2] ?? 'http://localhost:8080').replace(/\/+$/, '')
const target = join(root, 'docs', 'picture.png')

const userData = mkdtempSync(join(tmpdir(), 'octavo-picture-'))
// A bare machine has no letters for some of the titles; the vouchers' typefaces have them.
symlinkSync(join(root, 'node_modules', '@expo-google-fonts'), join(userData, 'fonts'))
const browser = await chromium.launch({
  executablePath: await findChromium(),
  args: ['--no-sandbox'],
  env: { ...process.env, XDG_DATA_HOME: userData },
})
try {
  const shop = await pictureShop()
  const voucher = await pictureVoucher()
  await compose(shop, voucher)
} finally {
  await browser.close()
  rmSync(userData, { recursive: true, force: true })
}
const { size } = statSync(target)
console.log(`${target}: ${Math.round(size / 1000)} kB`)
if (size > bytesMax) throw new Error(`the picture has ${size} bytes, more than ${bytesMax}`)

async function pictureShop() {
  const page = await open(desktop)
  await page.goto(`${url}/shop/?sort=-publishedOn`)
  await page.getByTestId('book-card').first().waitFor()
  await settled(page)
  return page.screenshot()
}

async function pictureVoucher() {
  const page = await open(phone)
  const { items } = await (
    await page.request.get(`${url}/api/books?limited=true&maxPrice=0&available=true`)
  ).json()
  if (items.length === 0) throw new Error('no free limited edition is left to take a picture of')
  await page.goto(`${url}/shop/books/${items[0].isbn}`)
  await page.getByTestId('reserve').click()
  await page.getByLabel('Name', { exact: true }).fill('Ada Byron')
  await page.getByLabel('Email', { exact: true }).fill(`picture-${Date.now()}@example.org`)
  await page.getByTestId('place-order').click()
  await page.getByTestId('voucher').waitFor()
  await page.mouse.move(0, 0)
  await page.evaluate(() => scrollTo(0, 0))
  await settled(page)
  const picture = await page.screenshot()
  await page.getByTestId('cancel').click()
  await page.getByTestId('cancel-confirmed').click()
  await page.locator('[data-testid=order-status][data-status=cancelled], [data-status=refunded]').waitFor()
  return picture
}

async function compose(shop, voucher) {
  const page = await open({ viewport: { width: 1200, height: 770 } })
  const source = (picture) => `data:image/png;base64,${picture.toString('base64')}`
  await page.setContent(`
    <style>
      body { margin: 0; height: 770px; background: #dfe9e2; overflow: hidden; position: relative }
      img { position: absolute; display: block }
      .shop { left: 40px; top: 40px; width: 1000px; border-radius: 10px; box-shadow: 0 24px 60px #18201d44 }
      .voucher { right: 40px; bottom: 36px; width: 284px; border-radius: 26px; border: 8px solid #0c0f0e;
        box-shadow: 0 24px 60px #18201d77 }
    </style>
    <img class="shop" src="${source(shop)}"><img class="voucher" src="${source(voucher)}">`)
  await settled(page)
  await page.screenshot({ path: target })
}

async function open(options) {
  const context = await browser.newContext({ ...options, locale: 'en-GB', reducedMotion: 'reduce' })
  return context.newPage()
}

/** Fonts and the pictures in view are there, and nothing moves any more. */
async function settled(page) {
  await page.evaluate(() => document.fonts.ready)
  await page.waitForFunction(() =>
    [...document.images].every((image) => {
      const { top, left } = image.getBoundingClientRect()
      return image.complete || top > innerHeight || left > innerWidth
    }),
  )
  await page.waitForTimeout(800)
}
