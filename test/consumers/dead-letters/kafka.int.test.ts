import { kafkaForTests } from '../../log/kafka/broker.js'
import { lettersContract } from './dead-letters.contract.js'

const broker = kafkaForTests()

lettersContract(() => broker.open(), broker.topic)
