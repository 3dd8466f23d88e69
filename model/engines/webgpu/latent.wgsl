// A molecule's latent: for each node its vectors and scalars, then its pairs' features; see diffusion/latent.ts.
override NODES: u32 = 2u;
override VECTORS: u32 = 1u;
override SCALARS: u32 = 0u;
override PAIRS: u32 = 0u;
/** Numbers of a node, of all nodes, and of all. */
override WIDTH: u32 = 3u * VECTORS + SCALARS;
override OWN: u32 = NODES * WIDTH;
override LENGTH: u32 = OWN + NODES * NODES * PAIRS;
