package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"miniecs/stack"
)

// benchRoll rolls an update of ten tasks while requests come on kept and on new connections.
func benchRoll(ctx context.Context, rate int) error {
	b, err := newBed(ctx, 4)
	if err != nil {
		return err
	}
	defer b.close()
	if err := b.register(ctx, "1"); err != nil {
		return err
	}
	url, lbs, err := b.balancer(ctx)
	if err != nil {
		return err
	}
	if err := b.createService(ctx, 10, lbs); err != nil {
		return err
	}
	if err := b.awaitRollout(ctx); err != nil {
		return err
	}
	l := newLoad(ctx, url, rate)
	if err := b.register(ctx, "2"); err != nil {
		return err
	}
	begin := time.Now()
	if _, err := b.ECS.UpdateService(ctx, &ecs.UpdateServiceInput{Service: aws.String("bench"), TaskDefinition: aws.String("bench")}); err != nil {
		return err
	}
	err = b.awaitRollout(ctx)
	took := time.Since(begin)
	l.stop()
	fmt.Printf("roll: update of 10 tasks under %d requests/s, kept and new connections: %.1f s, %d requests, %d failed, %d cut off\n",
		rate, took.Seconds(), l.done.Load(), l.failed.Load(), l.cut.Load())
	return err
}

func (b *bed) awaitRollout(ctx context.Context) error {
	return await(ctx, func() (bool, error) {
		time.Sleep(50 * time.Millisecond)
		s, err := b.service(ctx)
		return err == nil && len(s.Deployments) == 1 && s.Deployments[0].RolloutState == ecstypes.DeploymentRolloutStateCompleted, err
	})
}

// balancer makes a load balancer with a listener on a free port, and gives where it answers.
func (b *bed) balancer(ctx context.Context) (url string, lbs []ecstypes.LoadBalancer, err error) {
	subnets, err := stack.DefaultSubnets(ctx, b.Client)
	if err != nil {
		return "", nil, err
	}
	lb, err := b.ELB.CreateLoadBalancer(ctx, &elb.CreateLoadBalancerInput{Name: aws.String("bench"), Subnets: subnets})
	if err != nil {
		return "", nil, err
	}
	tg, err := b.ELB.CreateTargetGroup(ctx, &elb.CreateTargetGroupInput{Name: aws.String("bench"), Protocol: types.ProtocolEnumHttp, Port: aws.Int32(80),
		VpcId: lb.LoadBalancers[0].VpcId, TargetType: types.TargetTypeEnumIp, HealthCheckPath: aws.String("/health"), HealthCheckIntervalSeconds: aws.Int32(5)})
	if err != nil {
		return "", nil, err
	}
	arn := tg.TargetGroups[0].TargetGroupArn
	if _, err := b.ELB.ModifyTargetGroupAttributes(ctx, &elb.ModifyTargetGroupAttributesInput{TargetGroupArn: arn,
		Attributes: []types.TargetGroupAttribute{{Key: aws.String("deregistration_delay.timeout_seconds"), Value: aws.String("5")}}}); err != nil {
		return "", nil, err
	}
	const port = 8099
	if _, err := b.ELB.CreateListener(ctx, &elb.CreateListenerInput{LoadBalancerArn: lb.LoadBalancers[0].LoadBalancerArn, Port: aws.Int32(port), Protocol: types.ProtocolEnumHttp,
		DefaultActions: []types.Action{{Type: types.ActionTypeEnumForward, TargetGroupArn: arn}}}); err != nil {
		return "", nil, err
	}
	url = fmt.Sprintf("http://127.0.0.1:%d", port)
	tags, err := b.ELB.DescribeTags(ctx, &elb.DescribeTagsInput{ResourceArns: []string{*lb.LoadBalancers[0].LoadBalancerArn}})
	if err != nil {
		return "", nil, err
	}
	for _, t := range tags.TagDescriptions[0].Tags {
		if aws.ToString(t.Key) == "miniecs:url" { // the port was taken
			url = aws.ToString(t.Value)
		}
	}
	return url, []ecstypes.LoadBalancer{{TargetGroupArn: arn, ContainerName: aws.String("web"), ContainerPort: aws.Int32(80)}}, nil
}

// load sends requests at a constant rate, half of them on kept connections.
type load struct {
	done, failed, cut atomic.Int64
	end               context.CancelFunc
	wg                sync.WaitGroup
}

func newLoad(ctx context.Context, url string, rate int) *load {
	ctx, cancel := context.WithCancel(ctx)
	l := &load{end: cancel}
	kept := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}, Timeout: 30 * time.Second}
	fresh := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}
	l.wg.Go(func() {
		tick := time.NewTicker(time.Second / time.Duration(rate))
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			c := kept
			if i%2 == 1 {
				c = fresh
			}
			l.wg.Go(func() { l.ask(c, url) })
		}
	})
	return l
}

func (l *load) ask(c *http.Client, url string) {
	defer l.done.Add(1)
	resp, err := c.Get(url)
	if err != nil {
		l.failed.Add(1)
		return
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		l.failed.Add(1)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		l.cut.Add(1)
	}
}

func (l *load) stop() {
	l.end()
	l.wg.Wait()
}
