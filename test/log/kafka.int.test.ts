import { kafkaForTests } from './kafka-broker.js'
import { eventLogContract } from './log.contract.js'

const broker = kafkaForTests()

eventLogContract('Kafka', async () => {
  const log = await broker.open()
  return { log, topic: broker.topic, close: () => log.close() }
})
