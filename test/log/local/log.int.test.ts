import { eventLogContract } from '../log.contract.js'
import { openAt, scratch } from './local-log.js'

eventLogContract('the local log', async () => {
  const log = await openAt(await scratch(), { ephemeral: false })
  let topics = 0
  return { log, topic: () => `topic-${topics++}`, close: () => log.close() }
})

eventLogContract('the local log in many small files', async () => {
  const log = await openAt(await scratch(), { segmentBytes: 300 })
  let topics = 0
  return { log, topic: () => `topic-${topics++}`, close: () => log.close() }
})
