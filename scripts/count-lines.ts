/** `make lines`: how many lines the product has, by room, and how much of it is infra. */
import { linesByRoom } from '../testing/product-lines.js';

const { rooms, total, infraShare } = linesByRoom();
for (const [room, lines] of rooms) console.log(`${String(lines).padStart(7)}  ${room}`);
console.log(`${String(total).padStart(7)}  in all, infra ${(infraShare * 100).toFixed(1)} %`);
