/**
 * Preloaded into services on laptops: an idle process stays small (libs/service/src/full-speed.ts ends that when it is busy).
 * On the command line the flag would also pin the young generation to one megabyte for good, and a busy service would spend a
 * quarter of its time collecting it; set here, it comes after the heap was laid out.
 */
import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--optimize-for-size');
