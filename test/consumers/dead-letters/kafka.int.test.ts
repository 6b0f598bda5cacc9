import { kafkaForTests } from '../../log/kafka/broker.js'
import { deadLettersContract } from './dead-letters.contract.js'

const broker = kafkaForTests()

deadLettersContract(() => broker.open(), broker.topic)
