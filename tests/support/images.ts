/** Builds the images that the tests on Docker use, once, before several of them want them at a time. */
import { buildBareEngineImage, buildEngineImage } from './engine-image.ts'
import { buildGluetunImage } from './gluetun-image.ts'

for (const build of [buildEngineImage, buildBareEngineImage, buildGluetunImage]) console.log(await build())
