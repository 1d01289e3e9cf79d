/* PyTorch's optimisers in double, by test_optimizer_golden.py; do not edit. */
#include <elman/train.h>

// clang-format off
enum { GOLDEN_STEPS = 6, GOLDEN_COUNT = 12 };
static const double golden_rate = 0x1.0000000000000p-5;
static const float golden_start[GOLDEN_COUNT] =
     {-0x1.0p-1, 0x1.400p-4, -0x1.600p-2, 0x1.e00p-3, -0x1.800p-3, 0x1.900p-2, -0x1.0p-5,
      -0x1.d00p-2, 0x1.0p-3, -0x1.300p-2, 0x1.200p-2, -0x1.200p-3};
static const float golden_gradients[GOLDEN_STEPS][GOLDEN_COUNT] = {
     {-0x1.0p+0, -0x1.180p-1, -0x1.800p-4, 0x1.700p-2, 0x1.a00p-1, -0x1.780p-1, -0x1.200p-2,
      0x1.600p-3, 0x1.400p-1, -0x1.d80p-1, -0x1.e00p-2, -0x1.0p-6},
     {-0x1.600p-3, 0x1.300p-2, 0x1.880p-1, -0x1.880p-1, -0x1.300p-2, 0x1.600p-3, 0x1.480p-1,
      -0x1.c80p-1, -0x1.b00p-2, 0x1.800p-5, 0x1.080p-1, 0x1.f80p-1},
     {0x1.500p-1, -0x1.b80p-1, -0x1.800p-2, 0x1.c00p-4, 0x1.300p-1, -0x1.d80p-1, -0x1.c00p-2,
      0x1.800p-5, 0x1.100p-1, -0x1.f80p-1, -0x1.0p-1, -0x1.0p-6},
     {-0x1.080p-1, -0x1.0p-6, 0x1.f00p-2, 0x1.f80p-1, -0x1.080p-1, -0x1.0p-6, 0x1.f00p-2,
      0x1.f80p-1, -0x1.080p-1, -0x1.0p-6, 0x1.f00p-2, 0x1.f80p-1},
     {0x1.400p-2, 0x1.a80p-1, -0x1.500p-1, -0x1.200p-3, 0x1.800p-2, 0x1.c80p-1, -0x1.300p-1,
      -0x1.400p-4, 0x1.c00p-2, 0x1.e80p-1, -0x1.100p-1, -0x1.0p-6},
     {-0x1.b80p-1, -0x1.500p-2, 0x1.a00p-3, 0x1.780p-1, -0x1.780p-1, -0x1.a00p-3, 0x1.500p-2,
      0x1.b80p-1, -0x1.380p-1, -0x1.400p-4, 0x1.d00p-2, 0x1.f80p-1},
};

static const struct {
    elman_train_options options;
    double weight[GOLDEN_COUNT];
} golden_cases[] = {
    {{.optimizer = ELMAN_OPTIMIZER_ADAM},
     {-0x1.a46b20cfb930bp-2, 0x1.412bbaa7f9a72p-3, -0x1.69fd6a81477d3p-2, 0x1.89c8527a13b8ap-3,
      -0x1.0e042b6eebeacp-2, 0x1.f16e717f840b8p-2, -0x1.10651182213c1p-6, -0x1.e4c5363432e57p-2,
      0x1.177fc3e912003p-4, -0x1.8792d347bdaa7p-3, 0x1.4a79969dac481p-2, -0x1.b7b978ed241f7p-3}},
    {{.optimizer = ELMAN_OPTIMIZER_ADAM, .beta1 = 0.75, .beta2 = 0.875, .epsilon = 0.0009765625, .weight_decay = 0.25},
     {-0x1.983ad648a62c8p-2, 0x1.1ea630bd7f77bp-3, -0x1.4e55bedd97dd8p-2, 0x1.66e1cd6cfa332p-3,
      -0x1.e64e920d6baa4p-3, 0x1.cd65698b4e685p-2, -0x1.0e30cbda77eafp-6, -0x1.d58fa0624ecabp-2,
      0x1.2623e2bd8fe6ep-4, -0x1.8fdb9221aba02p-3, 0x1.2cf1ebbad5614p-2, -0x1.b41a5cb9d0869p-3}},
    {{.optimizer = ELMAN_OPTIMIZER_ADAMW, .weight_decay = 0.5},
     {-0x1.7ae290e561ca1p-2, 0x1.2a1aa9118da72p-3, -0x1.4aba017e0116ap-2, 0x1.620bde540c322p-3,
      -0x1.f0a6724f194bap-3, 0x1.c8471882acc74p-2, -0x1.f5754ba5cc38fp-7, -0x1.ba150e613c604p-2,
      0x1.eee92f91089b5p-5, -0x1.5be28b10b3f78p-3, 0x1.2dc8485bd780dp-2, -0x1.9c0654faf03d6p-3}},
    {{.optimizer = ELMAN_OPTIMIZER_SGD},
     {-0x1.cd8p-2, 0x1.900p-4, -0x1.6a8p-2, 0x1.8e0p-3, -0x1.8f0p-3, 0x1.aa0p-2, -0x1.240p-5,
      -0x1.f30p-2, 0x1.fa0p-4, -0x1.100p-2, 0x1.218p-2, -0x1.da0p-3}},
    {{.optimizer = ELMAN_OPTIMIZER_SGD, .momentum = 0.875, .weight_decay = 0.25},
     {-0x1.3247a33954800p-2, 0x1.3d8116ad4e480p-3, -0x1.62b298be2e380p-2, 0x1.2012c1ab9ad80p-3,
      -0x1.01c8c33f07f00p-2, 0x1.dc0dbf266bb40p-2, -0x1.2b2b27734d400p-5, -0x1.ad251fff3f040p-2,
      0x1.dc238485e5000p-5, -0x1.848306ba82f00p-4, 0x1.17e7cee15ae80p-2, -0x1.610b55337a740p-2}},
    {{.optimizer = ELMAN_OPTIMIZER_RMSPROP},
     {-0x1.5a71305eef7f8p-4, 0x1.85b88e7f30dc5p-2, -0x1.e717d70620f29p-3, -0x1.8bb7c81126ae0p-3,
      -0x1.761317c1ae138p-2, 0x1.77158fe635faep-1, 0x1.4636eb835b88dp-4, -0x1.b71ad0ca0f75ep-1,
      -0x1.761e7bbafc400p-7, 0x1.0b681b48c4e30p-4, 0x1.af5b6df64e5e2p-2, -0x1.1298cb07c1e6ap-1}},
    {{.optimizer = ELMAN_OPTIMIZER_RMSPROP, .momentum = 0.5, .alpha = 0.75, .weight_decay = 0.25},
     {-0x1.46c94419c3810p-2, 0x1.5f4a30b473d85p-3, -0x1.125d454c6deb8p-2, 0x1.1b650295b2400p-4,
      -0x1.f6cc83bc147c6p-3, 0x1.e1011a6a75cbdp-2, 0x1.1ff200534541cp-6, -0x1.18dc7674f36eep-1,
      0x1.8d627de49d0b4p-5, -0x1.0d8bf1af8a049p-3, 0x1.393247d196a5ep-2, -0x1.09676bd6e1f8fp-2}},
    {{.optimizer = ELMAN_OPTIMIZER_SGD, .clip_norm = 1.5},
     {-0x1.dbf6f5b652129p-2, 0x1.7624d3acd5aeap-4, -0x1.67246b40c5600p-2, 0x1.a6ede9f557497p-3,
      -0x1.8ca09579bfa39p-3, 0x1.a1ffca44b3b5cp-2, -0x1.156eaf3a38af6p-5, -0x1.e81275abd6114p-2,
      0x1.f8992a7279e14p-4, -0x1.1989a061ce003p-2, 0x1.21c8bf7237341p-2, -0x1.a6e7237951447p-3}},
    {{.optimizer = ELMAN_OPTIMIZER_SGD, .clip_value = 0.25, .clip_norm = 0.75},
     {-0x1.f353de8615fd0p-2, 0x1.60a04451c733dp-4, -0x1.6302d4990714bp-2, 0x1.c2bda3917502fp-3,
      -0x1.80dd01aacc68bp-3, 0x1.9922e7d953c67p-2, -0x1.f917f2a99cba2p-6, -0x1.dc310004f9922p-2,
      0x1.fe45fcaa672e9p-4, -0x1.26c875203b873p-2, 0x1.206e80d566346p-2, -0x1.4b1f4ce7ec150p-3}},
};
// clang-format on
