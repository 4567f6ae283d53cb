// projector/consumer-group.ts: the consumer group of the projectors.

export const projectorGroup = (topic: string): string => `${topic}.projector`;
