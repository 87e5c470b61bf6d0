export const downConvertBatch = (b: Uint8Array, _m: number, _o: any): any => b
