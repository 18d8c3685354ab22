"""EC2 instances as Kubernetes nodes, pods as processes: an agent for each Region that does what kubelet, CNI and CSI do on AWS."""
