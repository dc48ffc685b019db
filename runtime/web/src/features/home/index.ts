/** Home: what this deployment has. */

export { HomePage } from "@/features/home/HomePage";
