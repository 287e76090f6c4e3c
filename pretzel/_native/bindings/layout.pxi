# Layouts of programs: the models of one kind share them.

from weakref import WeakValueDictionary

from pretzel.buffers import plan_buffers


@cython.final
cdef class SharedLayout:
    """The layout of all programs that differ in parameters and states only."""

    cdef Layout layout
    cdef readonly object buffers
    cdef object __weakref__

    def __init__(self, plan):
        cdef LeafSpec leaf
        cdef SlotSpec slot
        cdef Step step
        cdef int32_t n_params = 0
        self.buffers = plan_buffers(plan)
        kinds = {"numeric": LeafKind.kNumeric, "cells": LeafKind.kCells, "text": LeafKind.kCells,
                 "sparse": LeafKind.kSparse}
        values = {"dense": ValueKind.kDense, "sparse": ValueKind.kSparse, "cells": ValueKind.kCells}
        for number, each in enumerate(plan.leaves):
            leaf.kind = <LeafKind><uint8_t>kinds[each.kind.value]
            leaf.slot = number
            self.layout.leaves.push_back(leaf)
        for each in self.buffers.slots:
            slot.kind = <ValueKind><uint8_t>values[each.kind.value]
            slot.width = each.width
            slot.buffer = each.buffer
            slot.offset = each.offset
            self.layout.slots.push_back(slot)
        for width in self.buffers.buffers:
            self.layout.buffers.push_back(width)
        for call, placed in zip(self.buffers.calls(plan), self.buffers.steps, strict=True):
            step.kernel = find_kernel(call.kernel.encode())
            if step.kernel == NULL:
                raise errors.KernelError(f"there is no kernel {call.kernel!r}")
            step.first_param = n_params
            step.n_params = len(call.params)
            n_params += step.n_params
            step.first_input = <int32_t>self.layout.inputs.size()
            step.n_inputs = len(placed.inputs)
            for number in placed.inputs:
                self.layout.inputs.push_back(number)
            step.output = placed.output
            self.layout.steps.push_back(step)
        for end in self.buffers.stage_ends:
            self.layout.stage_ends.push_back(end)
        self.layout.output = self.buffers.slot_of[plan.output]
        self.layout.finish()


LAYOUTS = WeakValueDictionary()  # by what they are made of, while a program has them


cdef SharedLayout layout_of(plan):
    """The layout of a `pretzel.plan.Program`; of two that are made at once one is kept."""
    stages = tuple([tuple([(call.kernel, len(call.params)) for call in stage.calls]) for stage in plan.stages])
    key = (active_isa(), plan.shape, stages)
    found = LAYOUTS.get(key)
    return found if found is not None else LAYOUTS.setdefault(key, SharedLayout(plan))
