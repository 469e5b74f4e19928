/** Builds all images of the tests with Docker once, before several tests need them at the same time. */
import { buildBareEngineImage, buildEngineImage } from './engine-image.ts'
import { buildGluetunImage } from './gluetun-image.ts'

for (const build of [buildEngineImage, buildBareEngineImage, buildGluetunImage]) console.log(await build())
