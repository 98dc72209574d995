/**
 * What does not answer in time has failed as if it had said so: with gRPC's DEADLINE_EXCEEDED. Its late answer is nobody's. A process that
 * stood still itself, because its machine slept or was busy, first looks at what arrived meanwhile.
 */
export function within<T>(work: Promise<T>, milliseconds: number): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const giveUp = () => reject(Object.assign(new Error('no answer in time'), { code: 4 }));
    const late = setTimeout(() => setImmediate(giveUp), milliseconds);
    work.then(resolve, reject).finally(() => clearTimeout(late));
  });
}
