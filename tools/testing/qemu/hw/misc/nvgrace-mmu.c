/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GPU memory management of the device model: virtual addresses of channels and
 * apertures, in page tables of version 3 (Hopper, Blackwell), and the memory
 * behind all four apertures of an entry.
 *
 * A translation is kept from its first use until it is invalidated, whatever
 * becomes of the tables meanwhile: a driver that forgets to invalidate meets
 * the page that was. What does not translate is not kept, so an entry that
 * becomes valid needs no invalidate here (a real device might have kept the
 * directory). Kept translations belong to a page directory base (PDB) of a
 * function; a VF's addresses in its framebuffer pass the VMMU at each access,
 * not here.
 *
 * Memory, and what a function that cannot have it gets:
 *   framebuffer     the function's segments (nvgrace-vmmu.c), else REGION
 *   peer 7          EGM, past the IOMMU: the PF only, after the firmware was
 *                   told the peer, else APERTURE; behind EGM's end: REGION
 *   system memory   the function's DMA, through the IOMMU, else PTE
 * A page table out of reach gives the type that its memory gives.
 *
 * Not modelled: caches (each access is coherent with the CPU, uncached or not),
 * privilege, atomics, compression (kinds other than pitch and generic fault),
 * address translation services, partial invalidation. Faults are reported by
 * who asked (nvgrace-fault.c).
 *
 * DMA can hit any register of the machine, even one that resets or unplugs this
 * GPU. So no pointer into the kept translations outlives an access, and the
 * objects are held during it.
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/bswap.h"
#include "exec/address-spaces.h"
#include "nvgrace-gpu-internal.h"

#define MMU_FAULT(type)     (1 + NV_FAULT_TYPE_##type)

#define MMU_PAGE            4096
#define MMU_SHIFT_4K        12
#define MMU_SHIFT_64K       16
#define MMU_SHIFT_2M        21
#define MMU_SHIFT_512M      29

#define MMU_DMA_BITS        52
#define MMU_NO_PEER         8

/* More are forgotten, all of the PDB's or all there are */
#define TLB_PAGES_MAX       16384
#define TLB_SPACES_MAX      256

/* What a leaf of the page tables says */
typedef struct TlbPage {
    uint64_t key;           /* virtual address of the page | log2 of its size */
    NvGraceSpace space;
    unsigned peer;
    uint64_t addr;
    bool read_only;
} TlbPage;

/* The translations of one page directory base; the head is the key */
typedef struct TlbSpace {
    uint64_t addr;
    uint32_t gfid;
    bool sysmem;
    GHashTable *pages;      /* TlbPage by key */
} TlbSpace;

struct NvGraceMmu {
    AddressSpace *fb_as;    /* the whole framebuffer */
    GHashTable *spaces;     /* TlbSpace */
    uint64_t epoch;         /* changes with each invalidation */
    unsigned egm_peer;      /* MMU_NO_PEER: firmware was not told */
};

/* A walk on its way down */
typedef struct MmuWalk {
    NvGraceFunction *fn;
    uint64_t va;
    NvGraceSpace space;     /* of the table at hand */
    uint64_t table;
} MmuWalk;

/* The directories above the last one */
static const struct {
    unsigned shift, bits;
} mmu_directories[] = {
    { 56, 1 }, { 47, 9 }, { 38, 9 }, { MMU_SHIFT_512M, 9 }
};

static bool mmu_is_sysmem(NvGraceSpace space)
{
    return space == NVGRACE_SPACE_SYSMEM || space == NVGRACE_SPACE_SYSMEM_NC;
}

/* Memory */

void nvgrace_mmu_fb_rw(NvGraceGpu *gpu, uint64_t addr, void *buf, uint64_t len,
                       bool write)
{
    address_space_rw(gpu->mmu->fb_as, addr, MEMTXATTRS_UNSPECIFIED, buf, len,
                     write);
}

static int mmu_access_fb(NvGraceFunction *fn, uint64_t addr, void *buf,
                         uint64_t len, bool write)
{
    NvGraceGpu *gpu = fn->gpu;
    uint64_t fb_addr;

    if (!nvgrace_vmmu_translate(gpu, fn->gfid, addr, len, &fb_addr)) {
        return MMU_FAULT(REGION);
    }
    nvgrace_mmu_fb_rw(gpu, fb_addr, buf, len, write);
    return 0;
}

static int mmu_access_peer(NvGraceFunction *fn, unsigned peer, uint64_t addr,
                           void *buf, uint64_t len, bool write)
{
    NvGraceGpu *gpu = fn->gpu;

    if (peer != NV_MMU_PEER_EGM || fn->gfid || !gpu->egm.size) {
        return MMU_FAULT(APERTURE);
    }
    if (gpu->mmu->egm_peer != peer) {
        nvgrace_driver_error(gpu, "access to peer %u, which HSHUB_EGM_CONFIG "
                             "did not tell", peer);
        return MMU_FAULT(APERTURE);
    }
    if (addr >= gpu->egm.size || len > gpu->egm.size - addr) {
        return MMU_FAULT(REGION);
    }
    if (address_space_rw(&address_space_memory, gpu->egm.base + addr,
                         MEMTXATTRS_UNSPECIFIED, buf, len, write) != MEMTX_OK) {
        return MMU_FAULT(APERTURE);
    }
    return 0;
}

/*
 * Asks before it reads or writes, because QEMU would cut an access that does
 * not translate in 4-byte ones, each with an event of the SMMU.
 */
static int mmu_access_sysmem(NvGraceFunction *fn, uint64_t addr, void *buf,
                             uint64_t len, bool write)
{
    DMADirection dir = write ? DMA_DIRECTION_FROM_DEVICE
                             : DMA_DIRECTION_TO_DEVICE;

    if (addr >> MMU_DMA_BITS ||
        !dma_memory_valid(pci_get_address_space(fn->pci), addr, len, dir,
                          MEMTXATTRS_UNSPECIFIED) ||
        pci_dma_rw(fn->pci, addr, buf, len, dir,
                   MEMTXATTRS_UNSPECIFIED) != MEMTX_OK) {
        return MMU_FAULT(PTE);
    }
    return 0;
}

int nvgrace_mmu_access(NvGraceFunction *fn, NvGraceSpace space, unsigned peer,
                       uint64_t addr, void *buf, uint64_t len, bool write)
{
    Object *owner = OBJECT(fn->pci);
    int ret = MMU_FAULT(APERTURE);

    g_assert(len <= MMU_PAGE - addr % MMU_PAGE);
    if (!fn->gpu->mmu) {
        return ret;         /* unplugged by its own DMA */
    }

    object_ref(owner);
    switch (space) {
    case NVGRACE_SPACE_FB:
        ret = mmu_access_fb(fn, addr, buf, len, write);
        break;
    case NVGRACE_SPACE_PEER:
        ret = mmu_access_peer(fn, peer, addr, buf, len, write);
        break;
    case NVGRACE_SPACE_SYSMEM:
    case NVGRACE_SPACE_SYSMEM_NC:
        ret = mmu_access_sysmem(fn, addr, buf, len, write);
        break;
    case NVGRACE_SPACE_SPARSE:
        if (!write) {
            memset(buf, 0, len);
        }
        ret = 0;
        break;
    }
    object_unref(owner);
    return ret;
}

/* Kept translations */

static guint tlb_space_hash(gconstpointer p)
{
    const TlbSpace *space = p;

    return g_int64_hash(&space->addr) ^ space->gfid;
}

static gboolean tlb_space_equal(gconstpointer p, gconstpointer q)
{
    const TlbSpace *a = p, *b = q;

    return a->addr == b->addr && a->gfid == b->gfid && a->sysmem == b->sysmem;
}

static void tlb_space_free(gpointer p)
{
    TlbSpace *space = p;

    g_hash_table_destroy(space->pages);
    g_free(space);
}

static TlbSpace *tlb_space(NvGraceFunction *fn, const NvGracePdb *pdb,
                           bool create)
{
    GHashTable *spaces = fn->gpu->mmu->spaces;
    TlbSpace key = {
        .addr = pdb->addr,
        .gfid = fn->gfid,
        .sysmem = mmu_is_sysmem(pdb->space),
    };
    TlbSpace *space = g_hash_table_lookup(spaces, &key);

    if (!space && create) {
        if (g_hash_table_size(spaces) >= TLB_SPACES_MAX) {
            g_hash_table_remove_all(spaces);
        }
        space = g_memdup2(&key, sizeof(key));
        space->pages = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL,
                                             g_free);
        g_hash_table_add(spaces, space);
    }
    return space;
}

static const TlbPage *tlb_lookup(NvGraceFunction *fn, const NvGracePdb *pdb,
                                 uint64_t va)
{
    static const unsigned shifts[] = {
        MMU_SHIFT_4K, MMU_SHIFT_64K, MMU_SHIFT_2M, MMU_SHIFT_512M
    };
    const TlbSpace *space = tlb_space(fn, pdb, false);

    for (int i = 0; space && i < ARRAY_SIZE(shifts); i++) {
        uint64_t key = (va >> shifts[i] << shifts[i]) | shifts[i];
        const TlbPage *page = g_hash_table_lookup(space->pages, &key);

        if (page) {
            return page;
        }
    }
    return NULL;
}

static void tlb_insert(NvGraceFunction *fn, const NvGracePdb *pdb,
                       const TlbPage *page)
{
    TlbSpace *space = tlb_space(fn, pdb, true);
    TlbPage *copy = g_memdup2(page, sizeof(*page));

    if (g_hash_table_size(space->pages) >= TLB_PAGES_MAX) {
        g_hash_table_remove_all(space->pages);
    }
    g_hash_table_replace(space->pages, &copy->key, copy);
}

static gboolean tlb_space_matches(gpointer key, gpointer value, gpointer opaque)
{
    const TlbSpace *space = value;
    const NvGracePdb *pdb = opaque;

    return space->addr == pdb->addr &&
           space->sysmem == mmu_is_sysmem(pdb->space);
}

/* All functions that have a PDB of this address lose their translations */
void nvgrace_mmu_invalidate(NvGraceGpu *gpu, const NvGracePdb *pdb)
{
    NvGraceMmu *mmu = gpu->mmu;

    mmu->epoch++;
    if (pdb) {
        g_hash_table_foreach_remove(mmu->spaces, tlb_space_matches,
                                    (gpointer)pdb);
    } else {
        g_hash_table_remove_all(mmu->spaces);
    }
}

/* Page tables */

static int walk_read(const MmuWalk *walk, uint64_t index, uint64_t *entry,
                     unsigned words)
{
    uint64_t size = words * sizeof(*entry);
    /* Tables are aligned to their size at least, so no entry crosses a page */
    int ret = nvgrace_mmu_access(walk->fn, walk->space, 0,
                                 walk->table + index * size, entry, size,
                                 false);

    for (unsigned i = 0; !ret && i < words; i++) {
        le64_to_cpus(&entry[i]);
    }
    return ret;
}

static uint64_t walk_index(const MmuWalk *walk, unsigned shift, unsigned bits)
{
    return extract64(walk->va, shift, bits);
}

static unsigned pde_aperture(uint64_t pde)
{
    return extract64(pde, NV_MMU_PDE_APERTURE_SHIFT, 2);
}

/* An entry without a table: sparse, or nothing */
static bool pde_is_sparse(uint64_t pde)
{
    return extract64(pde, NV_MMU_PDE_PCF_SHIFT, 1);
}

/* Down to the table that @pde, which has one, names at @addr */
static void walk_down(MmuWalk *walk, uint64_t pde, uint64_t addr)
{
    static const NvGraceSpace spaces[] = {
        [NV_MMU_PDE_APERTURE_FB] = NVGRACE_SPACE_FB,
        [NV_MMU_PDE_APERTURE_COHERENT] = NVGRACE_SPACE_SYSMEM,
        [NV_MMU_PDE_APERTURE_NONCOHERENT] = NVGRACE_SPACE_SYSMEM_NC,
    };

    walk->space = spaces[pde_aperture(pde)];
    walk->table = addr;
}

static uint64_t page_key(const MmuWalk *walk, unsigned shift)
{
    return (walk->va >> shift << shift) | shift;
}

static int walk_sparse(const MmuWalk *walk, unsigned shift, TlbPage *page)
{
    *page = (TlbPage) {
        .key = page_key(walk, shift),
        .space = NVGRACE_SPACE_SPARSE,
    };
    return 0;
}

/* @pte is valid */
static int walk_leaf(const MmuWalk *walk, uint64_t pte, unsigned shift,
                     TlbPage *page)
{
    unsigned kind = extract64(pte, NV_MMU_PTE_KIND_SHIFT, 4);
    unsigned pcf = extract64(pte, NV_MMU_PTE_PCF_SHIFT, 5);

    if (kind != NV_MMU_PTE_KIND_PITCH && kind != NV_MMU_PTE_KIND_GENERIC) {
        return MMU_FAULT(KIND);
    }
    *page = (TlbPage) {
        .key = page_key(walk, shift),
        .space = extract64(pte, NV_MMU_PTE_APERTURE_SHIFT, 2),
        .peer = extract64(pte, NV_MMU_PTE_PEER_SHIFT, 3),
        .addr = (pte & NV_MMU_PTE_ADDRESS) >> shift << shift,
        .read_only = pcf & NV_MMU_PTE_PCF_READ_ONLY,
    };
    return 0;
}

/* An entry of a page table that is not valid */
static int walk_no_leaf(const MmuWalk *walk, uint64_t pte, unsigned shift,
                        TlbPage *page)
{
    if (extract64(pte, NV_MMU_PTE_PCF_SHIFT, 5) == NV_MMU_PTE_PCF_SPARSE) {
        return walk_sparse(walk, shift, page);
    }
    return MMU_FAULT(PTE);
}

/*
 * The last directory: a leaf of 2 MiB, or a table each of 64 KiB and of 4 KiB
 * pages. An entry of the first that says nothing leaves it to the second.
 */
static int walk_last(MmuWalk *walk, TlbPage *page)
{
    uint64_t pde[2], pte;
    int ret = walk_read(walk, walk_index(walk, MMU_SHIFT_2M, 8), pde, 2);

    if (ret) {
        return ret;
    }
    if (pde[0] & NV_MMU_PTE_VALID) {
        return walk_leaf(walk, pde[0], MMU_SHIFT_2M, page);
    }
    if (!pde_aperture(pde[0]) && !pde_aperture(pde[1])) {
        return pde_is_sparse(pde[0]) ? walk_sparse(walk, MMU_SHIFT_2M, page)
                                     : MMU_FAULT(PDE);
    }

    if (pde_aperture(pde[0])) {
        walk_down(walk, pde[0], pde[0] & NV_MMU_DUAL_PDE_ADDRESS_BIG);
        ret = walk_read(walk, walk_index(walk, MMU_SHIFT_64K, 5), &pte, 1);
        if (ret) {
            return ret;
        }
        if (pte & NV_MMU_PTE_VALID) {
            return walk_leaf(walk, pte, MMU_SHIFT_64K, page);
        }
        if (extract64(pte, NV_MMU_PTE_PCF_SHIFT, 5) !=
            NV_MMU_PTE_PCF_INVALID || !pde_aperture(pde[1])) {
            return walk_no_leaf(walk, pte, MMU_SHIFT_64K, page);
        }
    }

    walk_down(walk, pde[1], pde[1] & NV_MMU_PDE_ADDRESS);
    ret = walk_read(walk, walk_index(walk, MMU_SHIFT_4K, 9), &pte, 1);
    if (ret) {
        return ret;
    }
    return pte & NV_MMU_PTE_VALID ? walk_leaf(walk, pte, MMU_SHIFT_4K, page)
                                  : walk_no_leaf(walk, pte, MMU_SHIFT_4K, page);
}

static int mmu_walk(NvGraceFunction *fn, const NvGracePdb *pdb, uint64_t va,
                    TlbPage *page)
{
    MmuWalk walk = {
        .fn = fn,
        .va = va,
        .space = pdb->space,
        .table = pdb->addr & NV_MMU_PDE_ADDRESS,
    };

    for (int i = 0; i < ARRAY_SIZE(mmu_directories); i++) {
        unsigned shift = mmu_directories[i].shift;
        uint64_t pde;
        int ret = walk_read(&walk,
                            walk_index(&walk, shift, mmu_directories[i].bits),
                            &pde, 1);

        if (ret) {
            return ret;
        }
        if (pde & NV_MMU_PTE_VALID) {
            return shift == MMU_SHIFT_512M ? walk_leaf(&walk, pde, shift, page)
                                           : MMU_FAULT(PDE_SIZE);
        }
        if (!pde_aperture(pde)) {
            /* Larger than any page; what is kept is a part of it */
            return pde_is_sparse(pde)
                   ? walk_sparse(&walk, MMU_SHIFT_512M, page) : MMU_FAULT(PDE);
        }
        walk_down(&walk, pde, pde & NV_MMU_PDE_ADDRESS);
    }
    return walk_last(&walk, page);
}

static int mmu_lookup(NvGraceFunction *fn, const NvGracePdb *pdb, uint64_t va,
                      TlbPage *page)
{
    NvGraceMmu *mmu = fn->gpu->mmu;
    uint64_t epoch = mmu->epoch;
    const TlbPage *kept = tlb_lookup(fn, pdb, va);
    int ret;

    if (kept) {
        *page = *kept;
        return 0;
    }
    ret = mmu_walk(fn, pdb, va, page);
    /* What came between them and the tables was invalidated, too */
    if (!ret && fn->gpu->mmu == mmu && mmu->epoch == epoch) {
        tlb_insert(fn, pdb, page);
    }
    return ret;
}

int nvgrace_mmu_translate(NvGraceFunction *fn, const NvGracePdb *pdb,
                          uint64_t va, bool write, NvGraceXlate *out)
{
    Object *gpu = OBJECT(fn->gpu), *owner = OBJECT(fn->pci);
    uint64_t offset, size;
    TlbPage page;
    int ret;

    if (va >> NV_MMU_VA_BITS) {
        return MMU_FAULT(VA_LIMIT);
    }
    if ((pdb->space != NVGRACE_SPACE_FB && !mmu_is_sysmem(pdb->space)) ||
        !fn->gpu->mmu) {
        return MMU_FAULT(APERTURE);
    }

    object_ref(gpu);
    object_ref(owner);
    ret = mmu_lookup(fn, pdb, va, &page);
    object_unref(owner);
    object_unref(gpu);
    if (ret) {
        return ret;
    }
    if (write && page.read_only) {
        return MMU_FAULT(RO);
    }
    size = 1ULL << (page.key % MMU_PAGE);
    offset = va % size;
    *out = (NvGraceXlate) {
        .space = page.space,
        .peer = page.peer,
        .addr = page.addr + offset,
        .len = size - offset,
    };
    return 0;
}

void nvgrace_mmu_set_egm_peer(NvGraceGpu *gpu, unsigned peer)
{
    if (peer != NV_MMU_PEER_EGM || !gpu->egm.size) {
        nvgrace_driver_error(gpu, "HSHUB_EGM_CONFIG: peer %u, EGM of 0x%" PRIx64
                             " bytes", peer, gpu->egm.size);
        return;
    }
    gpu->mmu->egm_peer = peer;
}

void nvgrace_mmu_reset(NvGraceGpu *gpu)
{
    nvgrace_mmu_invalidate(gpu, NULL);
    gpu->mmu->egm_peer = MMU_NO_PEER;
}

void nvgrace_mmu_init(NvGraceGpu *gpu)
{
    NvGraceMmu *mmu = g_new0(NvGraceMmu, 1);

    /* The framebuffer is mapped by aliases only: its addresses start at 0 */
    mmu->fb_as = g_new0(AddressSpace, 1);
    address_space_init(mmu->fb_as, &gpu->fb, "nvgrace-fb-all");
    mmu->spaces = g_hash_table_new_full(tlb_space_hash, tlb_space_equal,
                                        tlb_space_free, NULL);
    mmu->egm_peer = MMU_NO_PEER;
    gpu->mmu = mmu;
}

void nvgrace_mmu_exit(NvGraceGpu *gpu)
{
    NvGraceMmu *mmu = gpu->mmu;

    gpu->mmu = NULL;
    g_hash_table_destroy(mmu->spaces);
    address_space_destroy_free(mmu->fb_as);
    g_free(mmu);
}
